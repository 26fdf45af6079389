#pragma once

#include "retina/core/array.h"
#include "retina/core/progress.h"
#include "retina/core/thread_pool.h"

namespace retina::label {

/// Exact Euclidean distance of every voxel to the nearest non-zero voxel of `mask` (0 on the mask
/// itself; infinite everywhere if the mask is empty). `mask`: uint8, one channel, axes zyx.
/// `sampling`: size of a voxel along z, y, x in the wanted unit, greater than 0. Returns float64 of
/// the same shape. Separable lower envelopes of parabolas (Felzenszwalb & Huttenlocher, Theory of
/// Computing 8, 2012): linear time, the lines of a large mask on all cores. interrupted on a stop
/// request, which is looked for line by line.
core::Array distance_to(const core::Array& mask, const core::Vec3d& sampling,
                        const core::Context& context);

/// The steps of distance_to() along y and x, for volumes that are swept along z: replaces every
/// value f of a float64 plane by the least f(p) + squared distance to p over its pixels p. The
/// lines of a large plane are shared among the threads of `pool` and the caller.
void spread_in_plane(core::Array& squared, const core::Vec3d& sampling, core::ThreadPool& pool,
                     const core::Context& context);

}  // namespace retina::label
