#pragma once

#include <map>
#include <string>
#include <vector>

#include "retina/core/progress.h"
#include "retina/pipeline/evaluate/evaluate.h"
#include "retina/pipeline/finetune/held_out_validator.h"

namespace retina::pipeline {

/// Scores of predicted slices as `evaluate` gives them, by the keys of kComparedMetrics: means over
/// the classes of means over the images in which they are defined. Undefined ones are absent. An
/// image is a slice; with options.volume, all slices across z of one file together, which must
/// adjoin: usage error where planes between them are not held out.
std::map<std::string, double> score_slices(const std::vector<PredictedSlice>& slices,
                                           EvaluateOptions options, const core::Context& context);

}  // namespace retina::pipeline
