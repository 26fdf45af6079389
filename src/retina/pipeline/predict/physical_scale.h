#pragma once

#include <optional>
#include <vector>

#include "retina/core/volume.h"
#include "retina/pipeline/predict/prediction_setup.h"

namespace retina::pipeline {

/// The scale that a model was trained at, beside that of an input.
struct ScaleMatch {
  core::Vec3d voxel_nm{0, 0, 0};  ///< z, y, x of the input as the model would see it best
  double factor = 1;              ///< side of a pixel of the input / of the training images
};

/// Pixels that differ by this factor or more are worth a warning.
inline constexpr double kScaleTolerance = 1.5;

/// The training voxels nearest to the input's. Slices of an image or stack keep their distance;
/// orthoplane slices lie across all axes, so z follows y and x. Empty where the input's voxel size
/// or the model's is not known.
std::optional<ScaleMatch> match_scale(const std::vector<core::Vec3d>& trained_nm,
                                      const core::VolumeInfo& input, engine::AxesMode mode);

/// Shape of the volume that the network sees: the input's, or with --rescale that with the model's
/// voxels. usage error where --rescale lacks a voxel size, bad_data where sizes differ absurdly.
core::Vec3 network_shape(const PredictionSetup& setup, const core::VolumeInfo& input,
                         engine::AxesMode mode);

/// Says what is rescaled, warns that the input's pixels differ from the model's, or tells the
/// model's where the input does not state its own.
void log_scale(const PredictionSetup& setup, const core::VolumeInfo& input, engine::AxesMode mode,
               const core::Context& context);

}  // namespace retina::pipeline
