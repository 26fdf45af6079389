#include "retina/store/zarr/codec.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include <fmt/format.h>

#include "retina/store/flat_file.h"
#include "retina/store/zarr/shard_index.h"

namespace retina::store {

namespace {

using Kind = CompressionStep::Kind;
constexpr int kLevel = 3;

std::vector<std::byte> bytes_of(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

}  // namespace

Sides Sharding::grid(const Sides& shape) const {
  Sides out = shape;
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i] /= chunk[i];
  }
  return out;
}

CodecChain CodecChain::standard(core::DType dtype) {
  CodecChain chain = standard_v2(dtype);
  if (chain.value_size_ == 1) {
    chain.steps_ = {{.kind = Kind::zstd, .level = kLevel}};
  }
  return chain;
}

CodecChain CodecChain::standard_v2(core::DType dtype) {
  CodecChain chain;
  chain.value_size_ = core::size_of(dtype);
  chain.steps_.push_back({.kind = Kind::blosc,
                          .level = kLevel,
                          .compressor = "zstd",
                          .shuffle = chain.value_size_ == 1 ? 0 : 1,
                          .typesize = chain.value_size_});
  return chain;
}

CodecChain CodecChain::uncompressed(core::DType dtype) {
  CodecChain chain;
  chain.value_size_ = core::size_of(dtype);
  return chain;
}

CodecChain CodecChain::index() {
  CodecChain chain;
  chain.value_size_ = sizeof(std::uint64_t);
  chain.steps_.push_back({.kind = Kind::crc32c});
  return chain;
}

void CodecChain::transpose(const std::vector<std::size_t>& order) {
  if (order_.empty()) {
    order_ = order;
    return;
  }
  std::vector<std::size_t> both;
  for (const std::size_t dimension : order) {
    both.push_back(order_[dimension]);
  }
  order_ = std::move(both);
}

Sides CodecChain::stored_shape() const {
  Sides shape = form_.shape;
  for (std::size_t i = 0; i < order_.size(); ++i) {
    shape[i] = form_.shape[order_[i]];
  }
  return shape;
}

void CodecChain::order_bytes(std::vector<std::byte>& values) const {
  to_native_order(values, value_size_, is_big_endian_ ? std::endian::big : std::endian::little);
}

std::vector<std::byte> CodecChain::encode_shard(std::span<const std::byte> values) const {
  const Sides shape = stored_shape();
  const Sides grid = sharding_->grid(shape);
  ShardBuilder builder(count_of(grid));
  for (std::int64_t i = 0; i < count_of(grid); ++i) {
    builder.add(i, sharding_->codecs.encode(
                       cut_block(values, shape, unravel(i, grid), sharding_->chunk, value_size_)));
  }
  return std::move(builder).finish(sharding_->index);
}

std::vector<std::byte> CodecChain::decode_shard(std::span<const std::byte> shard,
                                                std::size_t size) const {
  const Sides shape = stored_shape();
  const Sides grid = sharding_->grid(shape);
  const std::int64_t chunks = count_of(grid);
  const std::size_t index_size = shard_index_size(sharding_->index, chunks);
  if (shard.size() < index_size) {
    throw damaged_bytes("shard",
                        fmt::format("{} bytes where its index takes {}", shard.size(), index_size));
  }
  const ShardIndex index(sharding_->index.place == ShardIndexForm::Place::end
                             ? shard.last(index_size)
                             : shard.first(index_size),
                         sharding_->index, chunks);
  std::vector<std::byte> values(size);
  fill_values(values, form_.fill);
  const std::size_t chunk_size = static_cast<std::size_t>(count_of(sharding_->chunk)) * value_size_;
  for (std::int64_t i = 0; i < chunks; ++i) {
    if (const auto extent = index.find(i, shard.size())) {
      const std::vector<std::byte> chunk =
          sharding_->codecs.decode(shard.subspan(extent->offset, extent->size), chunk_size);
      paste(chunk, sharding_->chunk, unravel(i, grid), values, shape, value_size_);
    }
  }
  return values;
}

std::vector<std::byte> CodecChain::encode(std::span<const std::byte> values) const {
  std::vector<std::byte> bytes =
      order_.empty() ? bytes_of(values) : permute(values, value_size_, form_.shape, order_);
  if (sharding_) {
    bytes = encode_shard(bytes);
  } else {
    order_bytes(bytes);
  }
  for (const CompressionStep& step : steps_) {
    bytes = compress(step, bytes);
  }
  return bytes;
}

std::vector<std::byte> CodecChain::decode(std::span<const std::byte> stored,
                                          std::size_t size) const {
  if (steps_.empty() && !sharding_ && stored.size() != size) {
    throw damaged_bytes("chunk", fmt::format("{} bytes where {} are needed", stored.size(), size));
  }
  std::vector<std::byte> bytes;
  std::span<const std::byte> input = stored;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    const bool gives_values = step + 1 == steps_.rend() && !sharding_;
    bytes = decompress(*step, input, gives_values ? size : most_encoded(size));
    input = bytes;
  }
  if (sharding_) {
    bytes = decode_shard(input, size);
  } else if (steps_.empty()) {
    bytes = bytes_of(stored);
  }
  if (bytes.size() != size) {
    throw damaged_bytes("chunk", fmt::format("{} bytes where {} are needed", bytes.size(), size));
  }
  if (!sharding_) {
    order_bytes(bytes);
  }
  return order_.empty() ? bytes : permute(bytes, value_size_, stored_shape(), inverse_of(order_));
}

std::size_t CodecChain::fixed_size(std::size_t size) const {
  constexpr std::size_t kChecksumBytes = 4;
  for (const CompressionStep& step : steps_) {
    if (step.kind != Kind::crc32c) {
      throw Error(ErrorKind::bad_data,
                  Problem{.subject = "index_codecs of the shards",
                          .found = "a compressed index",
                          .expected = "bytes and crc32c",
                          .remedy = "write the array again with the standard index"});
    }
    size += kChecksumBytes;
  }
  return size;
}

std::size_t CodecChain::most_encoded(std::size_t size) const {
  constexpr std::size_t kSlack = std::size_t{1} << 20;
  constexpr std::size_t kPerChunk = 512;  // an index entry and the headers of compressors
  std::size_t chunks = 1;
  for (const CodecChain* chain = this; chain->sharding_; chain = &chain->sharding_->codecs) {
    chunks *= static_cast<std::size_t>(count_of(chain->sharding_->grid(chain->stored_shape())));
  }
  return 2 * size + kSlack + kPerChunk * chunks;
}

void fill_values(std::span<std::byte> values, const std::vector<std::byte>& pattern) {
  const bool is_zero =
      std::all_of(pattern.begin(), pattern.end(), [](std::byte b) { return b == std::byte{0}; });
  if (is_zero) {
    std::fill(values.begin(), values.end(), std::byte{0});
    return;
  }
  for (std::size_t i = 0; i < values.size(); i += pattern.size()) {
    std::memcpy(values.data() + i, pattern.data(), pattern.size());
  }
}

}  // namespace retina::store
