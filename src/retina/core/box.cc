#include "retina/core/box.h"

#include <algorithm>

#include <fmt/format.h>

namespace retina::core {

Vec3 Box3::stop() const {
  return {start[0] + shape[0], start[1] + shape[1], start[2] + shape[2]};
}

std::int64_t Box3::voxels() const {
  return shape[0] * shape[1] * shape[2];
}

bool Box3::contains(const Box3& inner) const {
  for (std::size_t a = 0; a < 3; ++a) {
    if (inner.start[a] < start[a] || inner.stop()[a] > stop()[a]) {
      return false;
    }
  }
  return true;
}

Box3 intersect(const Box3& a, const Box3& b) {
  Box3 common;
  for (std::size_t i = 0; i < 3; ++i) {
    common.start[i] = std::max(a.start[i], b.start[i]);
    common.shape[i] =
        std::max<std::int64_t>(0, std::min(a.stop()[i], b.stop()[i]) - common.start[i]);
  }
  return common.empty() ? Box3{} : common;
}

Box3 whole(const Vec3& shape) {
  return {{0, 0, 0}, shape};
}

Box3 slice_box(const Vec3& shape, int axis, std::int64_t index) {
  Box3 box = whole(shape);
  box.start[static_cast<std::size_t>(axis)] = index;
  box.shape[static_cast<std::size_t>(axis)] = 1;
  return box;
}

std::string to_string(const Vec3& v) {
  return fmt::format("{} x {} x {}", v[0], v[1], v[2]);
}

std::string to_string(const Vec3d& v) {
  return fmt::format("{:g} x {:g} x {:g}", v[0], v[1], v[2]);
}

std::string to_string(const Box3& box) {
  const Vec3 stop = box.stop();
  return fmt::format("[{}:{}, {}:{}, {}:{}]", box.start[0], stop[0], box.start[1], stop[1],
                     box.start[2], stop[2]);
}

}  // namespace retina::core
