#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retina/core/array.h"

namespace retina::report {

/// A picture with its caption, side by side with the others of its row.
struct Picture {
  std::string caption;
  core::Array pixels;  ///< u8, 1 (grey) or 3 (RGB) channels, shape {1,y,x}
};

/// Grey image of a u8 plane.
Picture grey(std::string caption, const core::Array& image);
/// The image with label ids (any integer dtype, 0 = nothing) in colour over it (RGB).
Picture overlay(std::string caption, const core::Array& image, const core::Array& labels);
/// Truth against prediction: green = both, red = predicted only, blue = missed; the class id may be
/// any but 0, and a pixel of two different classes is red. Truth 255 (not known) is left grey.
Picture errors(std::string caption, const core::Array& image, const core::Array& prediction,
               const core::Array& truth);

/// `picture` so that no side exceeds `largest_side`, by the mean of whole blocks of pixels.
core::Array shrink(const core::Array& pixels, std::int64_t largest_side);

/// The same of a plane that comes in parts.
class Shrinker {
 public:
  /// `plane` is {1,y,x}.
  Shrinker(const core::Vec3& plane, int channels, std::int64_t largest_side);

  /// Whole rows (u8) from row `y` on, each row once.
  void add(const core::Array& rows, std::int64_t y);
  core::Array result() const;

  /// Side of the blocks of pixels, 1 = the plane is small enough.
  std::int64_t factor() const { return factor_; }
  const core::Vec3& shape() const { return small_; }  ///< of the result

 private:
  std::size_t cell(int channel, std::int64_t y, std::int64_t x) const;

  core::Vec3 plane_;
  int channels_;
  std::int64_t factor_;
  core::Vec3 small_;
  std::vector<std::int64_t> sums_;  ///< of the pixels of each block, c,y,x
};

}  // namespace retina::report
