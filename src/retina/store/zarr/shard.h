#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "retina/core/file.h"
#include "retina/store/zarr/array_metadata.h"

namespace retina::store {

/// One file of a zarr array: a shard with its index, or a single chunk.
class ShardFile {
 public:
  /// Empty if there is no such file, which means fill values everywhere. bad_data naming the file
  /// if its index is damaged.
  static std::optional<ShardFile> open(const std::filesystem::path& path,
                                       const ZarrMetadata& metadata);

  /// Encoded bytes of chunk `i` (row-major in the shard); empty span = fill values. They live as
  /// long as this object.
  std::span<const std::byte> stored(std::int64_t i) const;

 private:
  struct Extent {
    std::uint64_t offset;
    std::uint64_t size;
  };
  std::filesystem::path path_;
  std::unique_ptr<core::MappedFile> file_;
  std::vector<Extent> index_;
};

/// Assembles a shard in memory.
class ShardBuilder {
 public:
  explicit ShardBuilder(std::int64_t chunks);
  void add(std::int64_t i, std::span<const std::byte> encoded);
  /// The file: chunks, then the index.
  std::vector<std::byte> finish(const CodecChain& index_codecs) &&;

 private:
  std::vector<std::uint64_t> index_;  ///< offset and size for each chunk
  std::vector<std::byte> bytes_;
};

}  // namespace retina::store
