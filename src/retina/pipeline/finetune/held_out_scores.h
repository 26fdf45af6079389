#pragma once

#include <map>
#include <string>
#include <vector>

#include "retina/core/progress.h"
#include "retina/pipeline/evaluate/evaluate.h"
#include "retina/pipeline/finetune/held_out_validator.h"

namespace retina::pipeline {

struct SliceScores {
  std::map<std::string, double> means{};  ///< by the keys of kComparedMetrics; undefined: absent
  std::vector<std::string> notes{};       ///< what a reader of them has to know
};

/// Scores of predicted slices as `evaluate` gives them: means over the classes of means over the
/// images in which they are defined. An image is a slice; with options.volume, all slices across z
/// of one file together, which must adjoin: usage error where planes between them are not held out.
SliceScores score_slices(const std::vector<PredictedSlice>& slices, EvaluateOptions options,
                         const core::Context& context);

}  // namespace retina::pipeline
