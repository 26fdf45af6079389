#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/array.h"
#include "retina/store/chunk_cache.h"
#include "retina/store/precomputed/precomputed_metadata.h"
#include "retina/store/precomputed/sharding.h"

namespace retina::store {

/// One scale of a precomputed volume on disk. Chunks that are not stored are zeros. Threads may
/// read at once and, if it is not sharded, write at once.
class PrecomputedArray {
 public:
  PrecomputedArray(const std::filesystem::path& volume, const PrecomputedInfo& info,
                   const PrecomputedScale& scale);

  const PrecomputedScale& scale() const { return scale_; }

  /// After the volume was renamed.
  void set_volume(const std::filesystem::path& volume) { folder_ = volume / scale_.key; }

  /// With a cache, decoded chunks are kept there.
  core::Array read(const core::Box3& box, const CacheOwner* cache = nullptr) const;

  /// Whole chunks are written without reading.
  void write(const core::Box3& box, const core::Array& values);

  /// True if every chunk that `box` meets is stored.
  bool has_chunks_of(const core::Box3& box) const;

 private:
  std::filesystem::path chunk_path(const core::Box3& cell) const;
  std::int64_t number_of(const core::Vec3& index) const;
  /// The part of a chunk inside the volume.
  core::Box3 cell_at(const core::Vec3& index) const;
  /// Encoded bytes of a chunk; empty if it is not stored.
  std::optional<std::vector<std::byte>> stored_bytes(const core::Vec3& index,
                                                     const core::Box3& cell,
                                                     std::size_t limit) const;
  /// A chunk's values; an array without channels if it is not stored.
  core::Array load(const core::Vec3& index) const;
  void for_each_chunk(const core::Box3& box,
                      const std::function<void(const core::Vec3&)>& visit) const;

  std::filesystem::path folder_;
  core::DType dtype_;
  int channels_;
  PrecomputedScale scale_;
  std::unique_ptr<PrecomputedShards> shards_;
  std::array<std::mutex, 64> mutexes_;
};

}  // namespace retina::store
