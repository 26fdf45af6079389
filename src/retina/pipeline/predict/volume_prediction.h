#pragma once

#include <string>
#include <vector>

#include "retina/pipeline/predict/prediction_setup.h"

namespace retina::pipeline {

/// Predicts one image or volume into one output (`output` with the extension of its format, or a
/// folder of slices named `slice_names`), by blocks within max_ram.
PredictReport predict_one(const PredictionSetup& setup, const core::Volume& input,
                          engine::AxesMode mode, const std::string& output,
                          const std::vector<std::string>& slice_names,
                          const core::Context& context);

}  // namespace retina::pipeline
