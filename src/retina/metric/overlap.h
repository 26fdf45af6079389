#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "retina/core/array.h"

namespace retina::metric {

/// Voxel counts of one class; addable, so that any blocking gives the same totals.
struct OverlapCounts {
  std::int64_t tp = 0;
  std::int64_t fp = 0;
  std::int64_t fn = 0;

  OverlapCounts& operator+=(const OverlapCounts& other);

  /// Undefined (empty) where the denominator is 0.
  std::optional<double> iou() const;
  std::optional<double> f_score() const;
  std::optional<double> precision() const;
  std::optional<double> recall() const;
  /// (I + 1e-5) / (U + 1e-5): the published 2D score; 1 for a class absent from both.
  double smoothed_iou() const;
};

/// Counts of each of `class_ids` between two label arrays of equal shape (any integer dtype);
/// voxels whose truth equals `ignore_value` are left out.
std::vector<OverlapCounts> count_overlap(const core::Array& prediction, const core::Array& truth,
                                         const std::vector<std::int64_t>& class_ids,
                                         std::optional<std::int64_t> ignore_value = std::nullopt);

}  // namespace retina::metric
