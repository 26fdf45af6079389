#include "retina/store/slabs.h"

#include <algorithm>

namespace retina::store {

void for_each_slab(const core::Vec3& shape, std::int64_t unit_z, std::int64_t max_voxels,
                   const std::function<void(const core::Box3&)>& visit) {
  const std::int64_t plane = std::max<std::int64_t>(1, shape[1] * shape[2]);
  const std::int64_t unit =
      std::clamp<std::int64_t>(unit_z, 1, std::max<std::int64_t>(1, shape[0]));
  std::int64_t thickness = std::max<std::int64_t>(1, max_voxels / plane);
  if (thickness > unit) {
    thickness -= thickness % unit;
  }
  for (std::int64_t z = 0; z < shape[0]; z += thickness) {
    visit({.start = {z, 0, 0}, .shape = {std::min(thickness, shape[0] - z), shape[1], shape[2]}});
  }
}

}  // namespace retina::store
