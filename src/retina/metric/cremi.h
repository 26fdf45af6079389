#pragma once

#include <cstdint>
#include <optional>

#include "retina/core/array.h"
#include "retina/metric/distance.h"

namespace retina::metric {

/// Settings of the official CREMI evaluator for synaptic clefts.
struct CremiOptions {
  core::Vec3d sampling_nm{40, 4, 4};  ///< voxel size z, y, x; the CREMI volumes' by default
  double threshold_nm = 200;          ///< a voxel farther than this from the other set is false
};

/// One direction of the CREMI evaluation.
struct CremiSide {
  std::int64_t count = 0;                        ///< voxels of the set
  std::optional<DistanceStatistics> distances;   ///< undefined if either set is empty
  std::optional<std::int64_t> beyond_threshold;  ///< undefined if the other set is empty
};

/// Distances in nanometres between predicted and true clefts; lower is better.
struct CremiScores {
  CremiSide false_positives;  ///< from predicted voxels to the nearest true voxel
  CremiSide false_negatives;  ///< from true voxels to the nearest predicted voxel

  std::optional<double> adgt() const;   ///< average distance of the prediction to the ground truth
  std::optional<double> adf() const;    ///< average distance of the ground truth to the prediction
  std::optional<double> score() const;  ///< (ADGT + ADF) / 2
};

/// Scores two uint8 masks. Voxels where the truth is invalid (2^64-2 in CREMI files) must have been
/// removed from both (clear_where), as the official evaluator does. Unlike it, distances to an
/// empty set are undefined here, not arbitrary.
CremiScores cremi_clefts(const core::Array& prediction, const core::Array& truth,
                         const CremiOptions& options, const core::Context& context);

}  // namespace retina::metric
