#pragma once

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

/// Factor from one level of a pyramid to the next: 2 along axes longer than one voxel whose voxels
/// are less than twice the smallest, so that levels become isotropic; 1 along the others.
core::Vec3 pyramid_factor(const core::Vec3& shape, const std::optional<core::Vec3d>& voxel_nm);

/// Factors of all steps of a pyramid with `levels` extra levels; -1 = as long as the smallest side
/// that is halved is at least 64. Fewer where nothing is left to halve.
std::vector<core::Vec3> pyramid_steps(core::Vec3 shape, std::optional<core::Vec3d> voxel_nm,
                                      int levels);

}  // namespace retina::store
