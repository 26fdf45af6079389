#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "retina/core/box.h"
#include "retina/store/chunk_cache.h"
#include "retina/store/precomputed/precomputed_metadata.h"

namespace retina::store {

/// Number of the chunk at `cell` (z, y, x) of a `grid`: the bits of x, y and z interleaved, x
/// lowest, each axis with as many as its grid needs.
std::uint64_t compressed_morton_code(const core::Vec3& cell, const core::Vec3& grid);

/// The lower half of MurmurHash3_x86_128 of the 8 bytes of `value`, seed 0.
std::uint64_t murmur_hash_3(std::uint64_t value);

/// Where a chunk lies.
struct ShardPlace {
  std::uint64_t shard = 0;
  std::uint64_t minishard = 0;
};
ShardPlace place_in_shards(const PrecomputedSharding& sharding, std::uint64_t chunk);

/// The name of a shard's file: hexadecimal with as many digits as the shard bits need.
std::string shard_file_name(const PrecomputedSharding& sharding, std::uint64_t shard);

/// The shards of one scale, for reading. Safe for use from several threads.
class PrecomputedShards {
 public:
  PrecomputedShards(std::filesystem::path folder, const PrecomputedSharding& sharding,
                    std::uint64_t chunks);

  /// Bytes of a chunk, decompressed, at most `limit`; empty if it is not stored. bad_data naming
  /// the file if it is damaged.
  std::optional<std::vector<std::byte>> read(std::uint64_t chunk, std::size_t limit) const;

 private:
  core::Array load_index(const std::filesystem::path& path, std::uint64_t minishard) const;

  std::filesystem::path folder_;
  PrecomputedSharding sharding_;
  std::uint64_t chunks_;
  CacheOwner indices_;  ///< for each minishard: 3 rows of chunk, start, size
};

}  // namespace retina::store
