#pragma once

#include "retina/pipeline/predict/object_cleaning.h"
#include "retina/pipeline/predict/prediction_setup.h"

namespace retina::pipeline {

/// One image, predicted and cleaned in memory.
struct ImagePrediction {
  core::Array labels;         ///< u8 class ids
  core::Array probabilities;  ///< u8, one channel per network output; empty if nobody wants them
  core::Array ids;            ///< of objects; empty if nobody wants them
  CleanedCounts counts;
};

/// Predicts `pixels` (u8, {1,y,x}) of the image that `info` describes: rescaled and cleaned as the
/// setup says.
ImagePrediction predict_image(const PredictionSetup& setup, core::Array& pixels,
                              const core::VolumeInfo& info);

}  // namespace retina::pipeline
