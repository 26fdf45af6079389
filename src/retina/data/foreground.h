#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/box.h"

namespace retina::data {

/// Where the foreground (class id neither 0 nor kIgnore) of a plane is: compressed to runs, drawn
/// from uniformly.
class ForegroundIndex {
 public:
  ForegroundIndex() = default;
  /// `labels`: u8 class ids, shape {1,y,x}.
  explicit ForegroundIndex(const core::Array& labels);

  std::int64_t pixels() const { return ends_.empty() ? 0 : ends_.back(); }
  /// Pixel number floor(u * pixels()) in row order as {0,y,x}, for 0 <= u < 1; none if there is no
  /// foreground.
  std::optional<core::Vec3> pick(double u) const;
  std::int64_t bytes() const;

 private:
  std::int64_t width_ = 0;
  std::vector<std::int64_t> starts_;  ///< y * width + x of the first pixel of each run
  std::vector<std::int64_t> ends_;    ///< pixels up to and including each run
};

}  // namespace retina::data
