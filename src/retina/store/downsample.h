#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "retina/core/array.h"

namespace retina::store {

/// How the voxels under one voxel of the next pyramid level become one value.
enum class Reduction {
  mean,  ///< for images; integers are rounded half up
  mode,  ///< for labels: the most frequent value, of equally frequent ones the smallest
};

/// Reduces by `factor` (1 or 2 along z, y, x); at odd borders over the voxels there are. Shapes
/// round up. `missing` voxels, fewer than the factor, lack at the start of the first cells.
core::Array downsample(const core::Array& values, const core::Vec3& factor, Reduction reduction,
                       const core::Vec3& missing = {0, 0, 0});

/// Voxels z, y, x of `cell`, a chunk of the next pyramid level, that are made at once: all where
/// what is read for them takes little memory, else those below one chunk of the finer level.
core::Vec3 reduced_at_once(const core::Vec3& cell, const core::Vec3& factor,
                           const core::Vec3& finer_chunk, std::int64_t finer_voxel_bytes);

/// Factor from one level of a pyramid to the next: 2 along axes longer than one voxel whose voxels
/// are less than twice the smallest, so that levels become isotropic; 1 along the others.
core::Vec3 pyramid_factor(const core::Vec3& shape, const std::optional<core::Vec3d>& voxel_nm);

/// Factors of all steps of a pyramid with `levels` extra levels; -1 = as long as the smallest side
/// that is halved is at least 64. Fewer where nothing is left to halve.
std::vector<core::Vec3> pyramid_steps(core::Vec3 shape, std::optional<core::Vec3d> voxel_nm,
                                      int levels);

}  // namespace retina::store
