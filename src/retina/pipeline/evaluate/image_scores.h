#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/progress.h"
#include "retina/core/volume.h"
#include "retina/metric/confusion.h"
#include "retina/metric/distance.h"
#include "retina/pipeline/evaluate/class_selection.h"
#include "retina/pipeline/evaluate/evaluation_report.h"

namespace retina::pipeline {

/// How stored label values are read as classes.
enum class MaskReading {
  class_ids,   ///< as they are
  zero_or_255  ///< 255 is class 1
};

/// The class that a stored value means.
std::int64_t class_of(std::int64_t stored, MaskReading reading);

/// How one image is scored; the same for all images of a set, but for how its labels are read.
struct ScoringRules {
  std::vector<NamedClass> classes{};
  MaskReading prediction = MaskReading::class_ids;
  MaskReading truth = MaskReading::class_ids;
  std::optional<std::int64_t> ignore_value{};
  bool mask_prediction = false;
  bool instance_match = false;
  bool distances = true;
  metric::DirectedStatistic distance_statistic = metric::DirectedStatistic::mean;
  std::optional<double> cremi_threshold_nm{};  ///< CREMI scores if given
  std::int64_t max_ram = 0;                    ///< bytes
  double distance_halo = 64;                   ///< voxels of the smallest side
  std::string scratch{};                       ///< folder for distances of any size, or empty

  /// uint8 mask of a class in stored labels of the prediction; `stored_truth`, of the same voxels,
  /// is read if mask_prediction is set.
  core::Array predicted_mask(const core::Array& stored, const core::Array& stored_truth,
                             std::int64_t id) const;

  /// uint8 mask of a class in stored labels of the truth.
  core::Array true_mask(const core::Array& stored_truth, std::int64_t id) const;
};

/// Prediction and truth of one image with the pairs of stored labels counted in it.
struct CountedImage {
  std::string name;
  const core::Volume& prediction;
  const core::Volume& truth;
  const metric::Confusion& confusion;

  /// Of a voxel of both volumes.
  std::int64_t stored_bytes() const;
};

/// All scores of one image; adds to `notes` what a reader must know. Of an image that does not fit
/// into max_ram instances are matched by blocks (resource error where there are too many) and
/// distances found by blocks; they are undefined, with the reason, where some are greater than the
/// halo.
ImageScores score_image(const CountedImage& image, const ScoringRules& rules,
                        std::vector<std::string>& notes, const core::Context& context);

}  // namespace retina::pipeline
