#include "retina/metric/distance.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "retina/label/distance_transform.h"
#include "retina/metric/class_mask.h"

namespace retina::metric {
namespace {

double median_of(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) {
    return *middle;
  }
  return 0.5 * (*middle + *std::max_element(values.begin(), middle));
}

/// Sums in extended precision: the result does not depend on the order to 1e-15.
double mean_of(const std::vector<double>& values) {
  const auto sum = std::accumulate(values.begin(), values.end(), 0.0L);
  return static_cast<double>(sum / static_cast<long double>(values.size()));
}

}  // namespace

std::optional<DistanceStatistics> summarise(std::vector<double> distances) {
  if (distances.empty()) {
    return std::nullopt;
  }
  DistanceStatistics result;
  result.mean = mean_of(distances);
  result.max = *std::max_element(distances.begin(), distances.end());
  result.median = median_of(distances);
  for (double& value : distances) {
    value = (value - result.mean) * (value - result.mean);
  }
  result.sd = std::sqrt(mean_of(distances));
  return result;
}

std::optional<std::vector<double>> directed_distances(const core::Array& from,
                                                      const core::Array& to,
                                                      const core::Vec3d& sampling,
                                                      const core::Context& context) {
  require_equal_shapes(from, to);
  if (count_voxels(to) == 0) {
    return std::nullopt;
  }
  std::vector<double> result;
  result.reserve(static_cast<std::size_t>(count_voxels(from)));
  const core::Array distances = label::distance_to(to, sampling, context);
  const auto values = distances.values<double>();
  const auto inside = from.values<std::uint8_t>();
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (inside[i] != 0) {
      result.push_back(values[i]);
    }
  }
  return result;
}

std::optional<double> FalseDistances::mean_false_distance(DirectedStatistic statistic) const {
  if (!prediction_to_truth || !truth_to_prediction) {
    return std::nullopt;
  }
  if (statistic == DirectedStatistic::max) {
    return 0.5 * (prediction_to_truth->max + truth_to_prediction->max);
  }
  return 0.5 * (prediction_to_truth->mean + truth_to_prediction->mean);
}

FalseDistances false_distances(const core::Array& prediction, const core::Array& truth,
                               const core::Vec3d& sampling, const core::Context& context) {
  FalseDistances result;
  if (auto distances = directed_distances(prediction, truth, sampling, context)) {
    result.prediction_to_truth = summarise(std::move(*distances));
  }
  if (auto distances = directed_distances(truth, prediction, sampling, context)) {
    result.truth_to_prediction = summarise(std::move(*distances));
  }
  return result;
}

}  // namespace retina::metric
