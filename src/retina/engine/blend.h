#pragma once

#include <cstdint>
#include <vector>

#include <torch/types.h>

#include "retina/engine/window_plan.h"

namespace retina::engine {

/// Weight of a window's pixels along one axis: 1, or a Gaussian of sigma = window / 8 about the
/// centre. The weight of a pixel is the product of both axes.
std::vector<float> axis_weights(Blend blend, std::int64_t window);

/// What is needed to average the windows of one region.
struct BlendWeights {
  at::Tensor window_YX;  ///< weight of each pixel of a window; undefined where all are 1
  at::Tensor total_YX;   ///< sum of the weights at each pixel of the region
};

BlendWeights blend_weights(const PlanePlan& plan, const Region& region, Blend blend,
                           at::Device device);

/// Weighted mean of the logits of overlapping windows over one region of one plane, float32 on the
/// device of the weights. The order of add() is the order of summation.
class PlaneSum {
 public:
  PlaneSum(const PlanePlan& plan, const Region& region, std::int64_t channels,
           const BlendWeights& weights);

  /// Adds the window at (`row`, `column`) of the plan: logits [K,window,window], float32.
  void add(std::int64_t row, std::int64_t column, const at::Tensor& logits_KYX);
  /// sum / total, shape K x region.
  at::Tensor mean_KYX() const;

 private:
  PlanePlan plan_;
  Region region_;
  BlendWeights weights_;
  at::Tensor sum_KYX_;
};

}  // namespace retina::engine
