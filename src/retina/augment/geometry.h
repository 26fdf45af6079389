#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "retina/augment/recipe.h"
#include "retina/core/box.h"

namespace retina::augment {

/// A rectangle of pixels, in the coordinates of the padded plane.
struct Crop {
  std::int64_t y = 0, x = 0, height = 0, width = 0;
  bool operator==(const Crop&) const = default;
};

/// From output pixels to source coordinates, in pixels, pixel centres at whole numbers:
///   (u,v) = rotation(x,y)          output -> grid of the resized crop (size x size), or of the
///                                  patch where the rotation comes first; reflected into it
///   source x = scale_x*u + offset_x, source y = scale_y*v + offset_y, then clamped to [low, high]
/// Source coordinates are relative to Geometry::window.
struct SourceMap {
  std::array<double, 6> rotation{1, 0, 0, 0, 1, 0};  ///< u = r0*x + r1*y + r2, v = r3*x + r4*y + r5
  double fold_x = 0, fold_y = 0;  ///< reflect-101 of u, v into 0 .. fold/2; both 0 = not reflected
  double scale_x = 1, scale_y = 1, offset_x = 0, offset_y = 0;
  double low_x = 0, high_x = 0, low_y = 0, high_y = 0;
};

/// Everything random about the geometry of one sample, and what follows from it.
struct Geometry {
  core::Vec3 plane_shape{1, 0, 0};         ///< 1, y, x
  std::int64_t pad_top = 0, pad_left = 0;  ///< reflect-101 rows and columns before the plane
  Crop patch;        ///< of the plane: what the sample is made of, where the rotation comes first
  Crop crop;         ///< of the padded plane, or of the rotated patch; resized to size x size
  double angle = 0;  ///< degrees, counter-clockwise, of the resized crop (patch) about its centre
  bool flip_x = false, flip_y = false;  ///< last (crop first) or first: reverse columns, rows

  core::Box3 box;  ///< to read, plane coordinates
  Crop window;     ///< plane coordinates that the map looks at; what lies outside the plane is its
                   ///< reflection
  SourceMap map;   ///< the composed transform
};

/// Draws the geometry of retina.md 3.4: pad to `recipe.size`, crop-nonempty, resized or native
/// crop, rotation, flips; or, with the rotation first, of 2.2. Pure: (seed, plane shape,
/// the two pixels) decide everything. `plane_shape` is {1,y,x}. `foreground` {0,y,x} is what a
/// crop-nonempty lies around; `known`, drawn where labels are partly unknown, is what all other
/// native crops lie around (not the published ones).
Geometry draw_geometry(const Recipe& recipe, std::uint64_t seed, const core::Vec3& plane_shape,
                       const std::optional<core::Vec3>& foreground,
                       const std::optional<core::Vec3>& known = std::nullopt);

/// Fills box, window and map of a geometry whose other fields are set.
void compose(Geometry& geometry, const Recipe& recipe);

/// Whether one reflection at 0 and one at fold/2 do not suffice for all of the size x size output:
/// it is so at the ends of a turned patch that is much longer than wide.
bool reflects_repeatedly(const SourceMap& map, int size);

/// Random area and aspect (retina.md 2.2) within height x width; y and x relative to it.
Crop draw_resized_crop(const Recipe& recipe, std::uint64_t seed, std::int64_t height,
                       std::int64_t width);

/// Index `i` of an infinite line reflected into 0 .. count-1 without repeating the edge
/// (reflect-101).
std::int64_t reflect_101(std::int64_t i, std::int64_t count);

}  // namespace retina::augment
