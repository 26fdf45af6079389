#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/dtype.h"
#include "retina/core/json.h"

namespace retina::store {

/// How the values of a chunk are stored.
enum class PrecomputedEncoding { raw, compressed_segmentation, jpeg, png };

/// "neuroglancer_uint64_sharded_v1": many chunks in one file.
struct PrecomputedSharding {
  enum class Hash { identity, murmurhash3_x86_128 };
  enum class Encoding { raw, gzip };
  int preshift_bits = 0;
  int minishard_bits = 0;
  int shard_bits = 0;
  Hash hash = Hash::identity;
  Encoding index = Encoding::raw;  ///< of the minishard indices
  Encoding data = Encoding::raw;   ///< of the chunks
};

/// One resolution. Sizes are z, y, x here; the file has x, y, z.
struct PrecomputedScale {
  std::string key = {};  ///< its folder
  core::Vec3 shape{0, 0, 0};
  core::Vec3 start{0, 0, 0};  ///< voxel_offset
  core::Vec3d voxel_nm{1, 1, 1};
  core::Vec3 chunk{64, 64, 64};
  PrecomputedEncoding encoding = PrecomputedEncoding::raw;
  core::Vec3 block{8, 8, 8};  ///< of compressed_segmentation
  std::optional<PrecomputedSharding> sharding = {};
};

/// The file "info" of a Neuroglancer precomputed volume.
struct PrecomputedInfo {
  core::DType dtype = core::DType::u8;
  int channels = 1;
  bool is_labels = false;
  /// False if this program wrote the volume without knowing its voxel size: the format demands one.
  bool is_voxel_size_known = true;
  std::vector<PrecomputedScale> scales = {};  ///< the finest first
};

/// bad_data (without the file's name) for what is missing, of the wrong type, not supported, or
/// beyond 2 GiB a chunk.
PrecomputedInfo parse_precomputed(const Json& json);

Json to_json(const PrecomputedInfo& info);

/// Chunks along z, y, x.
core::Vec3 chunk_grid(const PrecomputedScale& scale);

}  // namespace retina::store
