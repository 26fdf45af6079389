#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "retina/core/progress.h"
#include "retina/metric/distance.h"
#include "retina/metric/streamed_masks.h"

namespace retina::metric {

struct StreamedDistanceOptions {
  core::Vec3d sampling{1, 1, 1};  ///< size of a voxel, z, y, x
  double halo = 64;               ///< distances up to this are found, in the unit of sampling
  double threshold = 0;           ///< distances beyond it are counted
  std::int64_t max_bytes = 0;
  /// Folder for a file of 4 bytes a voxel, with which every distance is found; empty = none.
  std::filesystem::path scratch;
};

/// From every voxel of one set to the nearest of the other, which has at least one.
struct DirectedSummary {
  std::int64_t count = 0;       ///< voxels of the set
  std::int64_t unresolved = 0;  ///< of them farther than the halo: not in mean and max
  std::int64_t beyond = 0;      ///< farther than the threshold; exact if the halo reaches it
  double mean = 0;
  double max = 0;
};

struct StreamedDistances {
  DirectedSummary prediction_to_truth;
  DirectedSummary truth_to_prediction;

  std::int64_t unresolved() const {
    return prediction_to_truth.unresolved + truth_to_prediction.unresolved;
  }
  /// As of FalseDistances, for two sets that are not empty and have nothing unresolved.
  double mean_false_distance(DirectedStatistic statistic) const;
};

/// Exact distances between two sets of a volume of any size. Either by one sweep along z that keeps
/// the planes within the halo, of as many rows and columns at a time as max_bytes holds with a halo
/// around them; no result depends on max_bytes. Or through a file in `scratch`: two sweeps along z,
/// then plane by plane. Both take linear time. Memory: about max_bytes. resource error if no tile
/// of twice the halo, or no plane, fits; interrupted on a stop request.
StreamedDistances streamed_distances(const StreamedMasks& masks,
                                     const StreamedDistanceOptions& options,
                                     const core::Context& context);

}  // namespace retina::metric
