#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace retina::pipeline {

/// The threshold with the best score; of equals the nearest to 0.5.
struct TunedThreshold {
  double threshold = 0.5;
  double iou = 0;          ///< mean over slices of (I + 1e-5) / (U + 1e-5), as published
  double iou_at_half = 0;  ///< the same at 0.5
};

/// Scores slices at the thresholds 0.01, 0.02, ... 0.99 in one pass over their probabilities.
class ThresholdScan {
 public:
  ThresholdScan();

  /// Probabilities and class ids (1 = foreground, data::kIgnore = not counted) of one slice.
  void add_slice(std::span<const float> probabilities, std::span<const std::uint8_t> truth);
  /// Over the slices added that have known pixels.
  TunedThreshold best() const;

 private:
  std::vector<float> thresholds_;
  std::vector<double> sums_;  ///< of the slices' scores, by threshold
  std::int64_t slices_ = 0;
};

}  // namespace retina::pipeline
