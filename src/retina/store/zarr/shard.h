#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include "retina/store/positioned_file.h"
#include "retina/store/zarr/array_metadata.h"
#include "retina/store/zarr/shard_index.h"

namespace retina::store {

/// One file of a zarr array: a shard with its index, or a single chunk.
class ShardFile {
 public:
  /// Empty if there is no such file, which means fill values everywhere. bad_data naming the file
  /// if its index is damaged.
  static std::optional<ShardFile> open(const std::filesystem::path& path,
                                       const ZarrMetadata& metadata);

  bool has(std::int64_t i) const;

  /// Encoded bytes of chunk `i` (row-major in the shard); empty = fill values. bad_data naming the
  /// file if they are not all there.
  std::vector<std::byte> read(std::int64_t i) const;

 private:
  std::vector<std::byte> read_at(std::uint64_t offset, std::uint64_t size) const;
  std::optional<ShardIndex::Extent> find(std::int64_t i) const;

  std::unique_ptr<PositionedFile> file_;
  std::uint64_t size_ = 0;
  std::uint64_t most_ = 0;           ///< bytes of an encoded chunk
  std::optional<ShardIndex> index_;  ///< of a shard
};

}  // namespace retina::store
