#pragma once

#include <cstdint>
#include <functional>

#include "retina/core/volume.h"

namespace retina::store {

/// Calls `visit` for boxes that cover `shape` once, in z order: slabs of whole planes, as thick as
/// fit into `max_voxels` (at least one plane), on multiples of `unit_z` where that many fit.
void for_each_slab(const core::Vec3& shape, std::int64_t unit_z, std::int64_t max_voxels,
                   const std::function<void(const core::Box3&)>& visit);

}  // namespace retina::store
