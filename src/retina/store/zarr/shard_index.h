#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "retina/store/zarr/codec.h"

namespace retina::store {

/// Bytes that the encoded index of a shard with `chunks` chunks takes.
std::size_t shard_index_size(const ShardIndexForm& form, std::int64_t chunks);

/// Where the chunks of a shard lie in it.
class ShardIndex {
 public:
  struct Extent {
    std::uint64_t offset;
    std::uint64_t size;
  };

  /// bad_data (without the file's name) if the index is damaged.
  ShardIndex(std::span<const std::byte> encoded, const ShardIndexForm& form, std::int64_t chunks);

  /// Place of chunk `i` (row-major in the shard); empty = fill values. bad_data (without the file's
  /// name) unless it lies inside a shard of `shard_size` bytes.
  std::optional<Extent> find(std::int64_t i, std::uint64_t shard_size) const;

 private:
  std::vector<Extent> extents_;
};

/// Assembles a shard in memory.
class ShardBuilder {
 public:
  explicit ShardBuilder(std::int64_t chunks);
  void add(std::int64_t i, std::span<const std::byte> encoded);
  /// The shard: its chunks, and the index where the form has it.
  std::vector<std::byte> finish(const ShardIndexForm& form) &&;

 private:
  std::vector<std::uint64_t> index_;  ///< offset and size for each chunk
  std::vector<std::byte> bytes_;
};

}  // namespace retina::store
