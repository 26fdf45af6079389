#pragma once

#include "retina/core/array.h"

namespace retina::label {

/// Exact Euclidean distance of every voxel to the nearest non-zero voxel of `mask` (0 on the mask
/// itself; infinite everywhere if the mask is empty). `mask`: uint8, one channel, axes zyx.
/// `sampling`: size of a voxel along z, y, x in the wanted unit, greater than 0. Returns float64 of
/// the same shape. Separable lower envelopes of parabolas (Felzenszwalb & Huttenlocher, Theory of
/// Computing 8, 2012): linear time.
core::Array distance_to(const core::Array& mask, const core::Vec3d& sampling);

}  // namespace retina::label
