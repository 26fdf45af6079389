#pragma once

#include <string>
#include <vector>

#include "retina/pipeline/predict/image_set.h"
#include "retina/pipeline/predict/prediction_setup.h"

namespace retina::pipeline {

/// Predicts 2D images one by one into `output`: reading, computing and writing overlap. A name
/// without extension is a folder of PNG files named after the images, "NAME.pack" a pack of items
/// of the same names. The output gets its name when all are there; an unfinished one of the same
/// plan is continued. bad_data lists all images that are no single grey one, and equal names.
/// resource error for an image that max_ram cannot hold.
PredictReport predict_image_set(const PredictionSetup& setup, const std::vector<SetImage>& images,
                                const std::string& output, const core::Context& context);

}  // namespace retina::pipeline
