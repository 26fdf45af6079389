#include "retina/store/zarr/shard_index.h"

#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

namespace retina::store {

namespace {

constexpr std::uint64_t kEmpty = std::numeric_limits<std::uint64_t>::max();

}  // namespace

std::size_t shard_index_size(const ShardIndexForm& form, std::int64_t chunks) {
  return form.codecs.fixed_size(static_cast<std::size_t>(chunks) * sizeof(ShardIndex::Extent));
}

ShardIndex::ShardIndex(std::span<const std::byte> encoded, const ShardIndexForm& form,
                       std::int64_t chunks)
    : extents_(static_cast<std::size_t>(chunks)) {
  const std::vector<std::byte> index =
      form.codecs.decode(encoded, extents_.size() * sizeof(Extent));
  std::memcpy(extents_.data(), index.data(), index.size());
}

std::optional<ShardIndex::Extent> ShardIndex::find(std::int64_t i, std::uint64_t shard_size) const {
  const Extent& extent = extents_.at(static_cast<std::size_t>(i));
  if (extent.offset == kEmpty && extent.size == kEmpty) {
    return std::nullopt;
  }
  if (extent.offset > shard_size || extent.size > shard_size - extent.offset || extent.size == 0) {
    throw damaged_bytes("shard",
                        fmt::format("chunk {} at byte {}, {} bytes long, of {} bytes in all", i,
                                    extent.offset, extent.size, shard_size));
  }
  return extent;
}

ShardBuilder::ShardBuilder(std::int64_t chunks)
    : index_(static_cast<std::size_t>(chunks) * 2, kEmpty) {}

void ShardBuilder::add(std::int64_t i, std::span<const std::byte> encoded) {
  index_[static_cast<std::size_t>(i) * 2] = bytes_.size();
  index_[static_cast<std::size_t>(i) * 2 + 1] = encoded.size();
  bytes_.insert(bytes_.end(), encoded.begin(), encoded.end());
}

std::vector<std::byte> ShardBuilder::finish(const ShardIndexForm& form) && {
  const bool is_first = form.place == ShardIndexForm::Place::start;
  const std::size_t size = form.codecs.fixed_size(index_.size() * sizeof(std::uint64_t));
  for (std::size_t i = 0; is_first && i < index_.size(); i += 2) {
    index_[i] += index_[i] == kEmpty ? 0 : size;
  }
  const std::vector<std::byte> index = form.codecs.encode(std::as_bytes(std::span(index_)));
  bytes_.insert(is_first ? bytes_.begin() : bytes_.end(), index.begin(), index.end());
  return std::move(bytes_);
}

}  // namespace retina::store
