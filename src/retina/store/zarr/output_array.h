#pragma once

#include "retina/store/output.h"
#include "retina/store/zarr/array_metadata.h"

namespace retina::store {

/// Voxels z, y, x of a chunk and of a file.
struct OutputGrid {
  core::Vec3 chunk;
  core::Vec3 shard;
};

/// The grid that `options` ask for, cut to `shape`. By default chunks of 64 cubed (256 squared for
/// one slice) in shards of 64 x 512 x 512 (2048 squared): 16 MiB or less of uint8. Zarr v2 has no
/// shards, a chunk is a file: 128 cubed (1024 squared).
OutputGrid output_grid(ZarrFormat format, const core::Vec3& shape, const CreateOptions& options);

/// The array of one level of a pyramid, in the form that this project writes.
ZarrMetadata output_array(ZarrFormat format, const core::Vec3& shape, const CreateOptions& options);

}  // namespace retina::store
