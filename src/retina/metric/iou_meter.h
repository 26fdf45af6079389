#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "retina/metric/overlap.h"

namespace retina::metric {

/// Running mean IoU of each class over training batches, as the published trainer prints it
/// (retina.md 3.6).
///
/// A batch contributes the smoothed IoU of each class. With several classes the published meter
/// takes the softmax probabilities as they are (background is class 0 and listed); with one class
/// it takes the decision logit > 0, so a logit of exactly 0 is background.
class IouMeter {
 public:
  /// Everything a checkpoint must hold.
  struct State {
    std::vector<double> decayed;  ///< exponentially decayed sum of each class
    std::vector<double> sum;      ///< plain sum of each class
    std::int64_t batches = 0;
  };

  explicit IouMeter(int classes, double momentum = 0.98);

  /// One batch: the overlap of each class; internal error for another number of classes.
  void add(std::span<const SoftOverlap> batch);
  /// One batch whose IoU per class is already known.
  void add_iou(std::span<const double> batch);

  /// Exponential moving average, bias-corrected: after one batch it is that batch's value. All 0
  /// before the first batch.
  std::vector<double> smoothed() const;
  /// Plain mean over all batches; all 0 before the first.
  std::vector<double> mean() const;

  void reset();
  const State& state() const { return state_; }
  /// Continues from a saved state; bad_data if its number of classes is another.
  void restore(const State& state);

 private:
  double momentum_;
  State state_;
};

}  // namespace retina::metric
