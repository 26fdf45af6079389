#include "retina/engine/blend.h"

#include <algorithm>
#include <cmath>

#include "retina/tensor/upload.h"

namespace retina::engine {

namespace {

/// The part of a window that lies in a region: from where in the window, to where in the region.
struct Overlap {
  std::int64_t in_window = 0;
  std::int64_t in_region = 0;
  std::int64_t size = 0;
};

Overlap overlap_of(const AxisPlan& axis, std::int64_t index, const Span& region) {
  const std::int64_t start = axis.starts[static_cast<std::size_t>(index)] - axis.pad_low;
  const std::int64_t from = std::max(start, region.begin);
  const std::int64_t to = std::min(start + axis.window, region.end);
  return {from - start, from - region.begin, to - from};
}

std::vector<float> axis_totals(const AxisPlan& axis, const Span& region,
                               const std::vector<float>& weights) {
  std::vector<float> totals(static_cast<std::size_t>(region.size()), 0.F);
  const Span windows = axis.windows_meeting(region);
  for (std::int64_t index = windows.begin; index < windows.end; ++index) {
    const Overlap overlap = overlap_of(axis, index, region);
    for (std::int64_t i = 0; i < overlap.size; ++i) {
      totals[static_cast<std::size_t>(overlap.in_region + i)] +=
          weights[static_cast<std::size_t>(overlap.in_window + i)];
    }
  }
  return totals;
}

at::Tensor outer_YX(const std::vector<float>& y, const std::vector<float>& x, at::Device device) {
  const at::Tensor y_Y = torch::tensor(y);
  const at::Tensor x_X = torch::tensor(x);
  return tensor::upload(at::outer(y_Y, x_X), device);
}

}  // namespace

std::vector<float> axis_weights(Blend blend, std::int64_t window) {
  std::vector<float> weights(static_cast<std::size_t>(window), 1.F);
  if (blend == Blend::gaussian) {
    const double centre = static_cast<double>(window - 1) / 2;
    const double sigma = static_cast<double>(window) / 8;
    for (std::int64_t i = 0; i < window; ++i) {
      const double d = (static_cast<double>(i) - centre) / sigma;
      weights[static_cast<std::size_t>(i)] = static_cast<float>(std::exp(-0.5 * d * d));
    }
  }
  return weights;
}

BlendWeights blend_weights(const PlanePlan& plan, const Region& region, Blend blend,
                           at::Device device) {
  const std::vector<float> weights = axis_weights(blend, plan.y.window);
  BlendWeights result;
  if (blend != Blend::constant) {
    result.window_YX = outer_YX(weights, weights, device);
  }
  result.total_YX = outer_YX(axis_totals(plan.y, region.y, weights),
                             axis_totals(plan.x, region.x, weights), device);
  return result;
}

PlaneSum::PlaneSum(const PlanePlan& plan, const Region& region, std::int64_t channels,
                   const BlendWeights& weights)
    : plan_(plan),
      region_(region),
      weights_(weights),
      sum_KYX_(
          at::zeros({channels, region.y.size(), region.x.size()}, weights.total_YX.options())) {}

void PlaneSum::add(std::int64_t row, std::int64_t column, const at::Tensor& logits_KYX) {
  const Overlap y = overlap_of(plan_.y, row, region_.y);
  const Overlap x = overlap_of(plan_.x, column, region_.x);
  const auto part_of_window = [&](const at::Tensor& tensor) {
    return tensor.narrow(-2, y.in_window, y.size).narrow(-1, x.in_window, x.size);
  };
  at::Tensor target_KYX = sum_KYX_.narrow(1, y.in_region, y.size).narrow(2, x.in_region, x.size);
  if (weights_.window_YX.defined()) {
    target_KYX.addcmul_(part_of_window(logits_KYX), part_of_window(weights_.window_YX));
  } else {
    target_KYX.add_(part_of_window(logits_KYX));
  }
}

at::Tensor PlaneSum::mean_KYX() const {
  return sum_KYX_ / weights_.total_YX;
}

}  // namespace retina::engine
