#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/box.h"

namespace retina::data {

/// Where some of the labels of a plane are: compressed to runs, drawn from uniformly.
class LabelIndex {
 public:
  LabelIndex() = default;
  /// `labels`: u8 class ids, shape {1,y,x}.
  LabelIndex(const core::Array& labels, const std::function<bool(std::uint8_t)>& is_wanted);

  std::int64_t pixels() const { return ends_.empty() ? 0 : ends_.back(); }
  /// Pixel number floor(u * pixels()) in row order as {0,y,x}, for 0 <= u < 1; none if there is
  /// none.
  std::optional<core::Vec3> pick(double u) const;
  std::int64_t bytes() const;

 private:
  std::int64_t width_ = 0;
  std::vector<std::int64_t> starts_;  ///< y * width + x of the first pixel of each run
  std::vector<std::int64_t> ends_;    ///< pixels up to and including each run
};

/// Class ids that are neither 0 nor kIgnore.
LabelIndex foreground_of(const core::Array& labels);
/// Labels that are not kIgnore; empty where all are known, so that nothing has to be looked for.
LabelIndex known_of_partly_known(const core::Array& labels);

}  // namespace retina::data
