#pragma once

#include <cstdint>
#include <functional>

#include "retina/core/volume.h"

namespace retina::core {

/// Calls `visit` for boxes that cover `shape` once, in C order: slabs of whole planes, as thick as
/// fit into `max_voxels`, on multiples of `chunk` (0 = whole) where that many fit. A larger plane
/// is cut into bands of whole chunks; where its rows are not stored apart, it is one slab.
void for_each_slab(const Vec3& shape, const Vec3& chunk, std::int64_t max_voxels,
                   const std::function<void(const Box3&)>& visit);

}  // namespace retina::core
