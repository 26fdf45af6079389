#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"

namespace retina::metric {

/// What is known of many distances, in the unit of the sampling they were measured with.
struct DistanceStatistics {
  double mean = 0;
  double sd = 0;  ///< population standard deviation
  double median = 0;
  double max = 0;
};

/// Empty for an empty list.
std::optional<DistanceStatistics> summarise(std::vector<double> distances);

/// For every voxel of `from`, in C order, the distance to the nearest voxel of `to` (uint8 masks of
/// equal shape). Empty (undefined) if `to` has no voxel. `sampling`: size of a voxel, z, y, x.
std::optional<std::vector<double>> directed_distances(const core::Array& from,
                                                      const core::Array& to,
                                                      const core::Vec3d& sampling,
                                                      const core::Context& context);

/// Which statistic of the directed distances makes the mean false distance.
enum class DirectedStatistic { mean, max };
constexpr core::EnumTable<DirectedStatistic, 2> enum_table(DirectedStatistic) {
  return {{{DirectedStatistic::mean, "mean"}, {DirectedStatistic::max, "max"}}};
}

/// Distances between a predicted and a true set in both directions; a direction is undefined
/// (empty) where either set is.
struct FalseDistances {
  std::optional<DistanceStatistics> prediction_to_truth;
  std::optional<DistanceStatistics> truth_to_prediction;

  /// Mean of the two directed means (retina.md section 5), or of the two directed maxima.
  std::optional<double> mean_false_distance(
      DirectedStatistic statistic = DirectedStatistic::mean) const;
};

/// Distances between two uint8 masks; sampling {1, 1, 1} gives pixels.
FalseDistances false_distances(const core::Array& prediction, const core::Array& truth,
                               const core::Vec3d& sampling, const core::Context& context);

/// Memory that false_distances needs beside the masks, bytes per voxel: the transform and, at most,
/// all distances.
inline constexpr std::int64_t kDistanceBytesPerVoxel = 24;

}  // namespace retina::metric
