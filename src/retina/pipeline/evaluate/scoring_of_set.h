#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "retina/metric/confusion.h"
#include "retina/pipeline/evaluate/evaluate.h"
#include "retina/pipeline/evaluate/image_scores.h"

namespace retina::pipeline {

/// What the scoring of all images has in common, and how each one's labels are read.
struct Scoring {
  ScoringRules rules;
  std::vector<MaskReading> predicted{};  ///< image by image
  std::vector<MaskReading> actual{};

  ScoringRules of_image(std::size_t i) const;
};

/// Chooses the classes, where `options` names none, and the readings by the labels that were
/// counted in each image; adds to `notes` what a reader must know of both. bad_data where there is
/// no class, or too many to be classes.
Scoring scoring_of_set(const std::vector<metric::Confusion>& counts, const EvaluateOptions& options,
                       std::vector<std::string>& notes);

}  // namespace retina::pipeline
