#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace retina::core {

using Vec3 = std::array<std::int64_t, 3>;  ///< z, y, x in voxels
using Vec3d = std::array<double, 3>;       ///< z, y, x in nanometres

/// A half-open block of voxels, zyx; the only address into a volume. A slice is a box of
/// thickness 1.
struct Box3 {
  Vec3 start{0, 0, 0};
  Vec3 shape{0, 0, 0};

  Vec3 stop() const;
  std::int64_t voxels() const;
  bool empty() const { return voxels() == 0; }
  bool contains(const Box3& inner) const;
  bool operator==(const Box3&) const = default;
};

/// The common part of both boxes; empty (shape 0) where they do not meet.
Box3 intersect(const Box3& a, const Box3& b);

Box3 whole(const Vec3& shape);

/// The slice of thickness 1 at `index` along `axis` (0 = z, 1 = y, 2 = x) of a volume of `shape`.
Box3 slice_box(const Vec3& shape, int axis, std::int64_t index);

std::string to_string(const Vec3& v);
std::string to_string(const Vec3d& v);
std::string to_string(const Box3& box);

}  // namespace retina::core
