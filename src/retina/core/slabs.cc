#include "retina/core/slabs.h"

#include <algorithm>

namespace retina::core {

namespace {

/// How many of `voxels` each fit into `most`, at least one: whole units where more than one fits.
std::int64_t count_that_fits(std::int64_t voxels, std::int64_t most, std::int64_t unit) {
  const std::int64_t count = std::max<std::int64_t>(1, most / std::max<std::int64_t>(1, voxels));
  return count > unit ? count - count % unit : count;
}

}  // namespace

void for_each_slab(const Vec3& shape, const Vec3& chunk, std::int64_t max_voxels,
                   const std::function<void(const Box3&)>& visit) {
  const auto unit = [&](std::size_t axis) {
    return std::clamp<std::int64_t>(chunk[axis], 1, std::max<std::int64_t>(1, shape[axis]));
  };
  const std::int64_t plane = shape[1] * shape[2];
  const std::int64_t thickness = count_that_fits(plane, max_voxels, unit(0));
  const bool is_cut = plane > max_voxels && chunk[1] > 0 && chunk[1] < shape[1];
  const std::int64_t rows =
      is_cut ? std::max(unit(1), count_that_fits(shape[2], max_voxels, unit(1))) : shape[1];
  for (std::int64_t z = 0; z < shape[0]; z += thickness) {
    const std::int64_t planes = std::min(thickness, shape[0] - z);
    for (std::int64_t y = 0; y < shape[1]; y += rows) {
      visit({.start = {z, y, 0}, .shape = {planes, std::min(rows, shape[1] - y), shape[2]}});
    }
  }
}

}  // namespace retina::core
