#include "retina/store/zarr/shard.h"

#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "retina/store/problem.h"

namespace retina::store {

namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kEmpty = std::numeric_limits<std::uint64_t>::max();

std::size_t encoded_index_size(const ZarrMetadata& metadata) {
  const auto entries = static_cast<std::size_t>(metadata.chunks_per_shard()) * 2;
  const std::vector<std::byte> zeros(entries * sizeof(std::uint64_t));
  return metadata.index_codecs.encode(zeros).size();
}

std::span<const std::byte> index_bytes(const fs::path& path, std::span<const std::byte> file,
                                       const ZarrMetadata& metadata) {
  const std::size_t size = encoded_index_size(metadata);
  if (file.size() < size) {
    throw bad_file(path, fmt::format("{} bytes", file.size()),
                   fmt::format("a shard with an index of {} bytes", size),
                   "the file is cut short: get a fresh copy");
  }
  return metadata.is_index_at_end ? file.last(size) : file.first(size);
}

}  // namespace

std::optional<ShardFile> ShardFile::open(const fs::path& path, const ZarrMetadata& metadata) {
  if (!fs::exists(path)) {
    return std::nullopt;
  }
  ShardFile shard;
  shard.path_ = path;
  shard.file_ = std::make_unique<core::MappedFile>(path);
  const std::span<const std::byte> bytes = shard.file_->bytes();
  if (!metadata.is_sharded) {
    shard.index_.push_back({0, bytes.size()});
    return shard;
  }
  const auto chunks = static_cast<std::size_t>(metadata.chunks_per_shard());
  try {
    const std::vector<std::byte> index =
        metadata.index_codecs.decode(index_bytes(path, bytes, metadata), chunks * sizeof(Extent));
    shard.index_.resize(chunks);
    std::memcpy(shard.index_.data(), index.data(), index.size());
  } catch (const Error& error) {
    throw error.within(fmt::format("index of '{}'", path.string()));
  }
  return shard;
}

std::span<const std::byte> ShardFile::stored(std::int64_t i) const {
  const Extent& extent = index_.at(static_cast<std::size_t>(i));
  const std::span<const std::byte> bytes = file_->bytes();
  if (extent.offset == kEmpty && extent.size == kEmpty) {
    return {};
  }
  if (extent.offset > bytes.size() || extent.size > bytes.size() - extent.offset ||
      extent.size == 0) {
    throw bad_file(path_,
                   fmt::format("chunk {} at byte {}, {} bytes long", i, extent.offset, extent.size),
                   fmt::format("a place inside the {} bytes of the file", bytes.size()),
                   "the file is damaged or cut short: get a fresh copy");
  }
  return bytes.subspan(extent.offset, extent.size);
}

ShardBuilder::ShardBuilder(std::int64_t chunks)
    : index_(static_cast<std::size_t>(chunks) * 2, kEmpty) {}

void ShardBuilder::add(std::int64_t i, std::span<const std::byte> encoded) {
  index_[static_cast<std::size_t>(i) * 2] = bytes_.size();
  index_[static_cast<std::size_t>(i) * 2 + 1] = encoded.size();
  bytes_.insert(bytes_.end(), encoded.begin(), encoded.end());
}

std::vector<std::byte> ShardBuilder::finish(const CodecChain& index_codecs) && {
  const std::vector<std::byte> index = index_codecs.encode(std::as_bytes(std::span(index_)));
  bytes_.insert(bytes_.end(), index.begin(), index.end());
  return std::move(bytes_);
}

}  // namespace retina::store
