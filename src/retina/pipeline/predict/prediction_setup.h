#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "retina/core/intensity.h"
#include "retina/core/volume.h"
#include "retina/engine/predictor.h"
#include "retina/engine/volume_predictor.h"
#include "retina/model/model.h"
#include "retina/pipeline/predict/predict.h"

namespace retina::pipeline {

/// Everything that one prediction needs of model, device and options.
struct PredictionSetup {
  PredictOptions options;
  model::Card card;
  std::string weights_digest;  ///< of the file, so that a resumed job meets the same weights
  std::unique_ptr<engine::PlanePredictor> predictor;
  engine::WindowOptions windows;
  tensor::Precision precision = tensor::Precision::fp32;
  double threshold = 0.5;
  model::Postprocess postprocess;       ///< of the model, with what the user changed
  std::vector<core::Vec3d> trained_nm;  ///< voxels of the training images, z, y, x

  engine::Rounding rounding() const {
    return options.procedure == Procedure::published ? engine::Rounding::truncate
                                                     : engine::Rounding::nearest;
  }
};

/// Loads the model and prepares it for the device (not in a dry run).
PredictionSetup make_setup(const PredictOptions& options, const core::Context& context);

/// The published windows or ours, with what the user changed.
engine::WindowOptions window_options(const PredictOptions& options);

/// Bytes of max_ram that are left for images and results: the process as it is, and the activations
/// of one batch, are taken off. resource error if that leaves less than 32 MiB.
std::int64_t buffer_bytes(const PredictionSetup& setup, int batch);

/// The stored values that become 0 and 255.
struct InputRange {
  core::IntensityRange range;
  std::string source{};  ///< "given", "of the model", ...; empty for uint8, which is taken as it is
  std::string note{};    ///< of values that are not finite, to warn of; empty = none seen
};
InputRange input_range(const PredictionSetup& setup, const core::Volume& input);

/// Opens `path` with the user's voxel size; bad_data unless it has one channel.
std::unique_ptr<core::Volume> open_grey(const std::string& path, const PredictOptions& options);

/// `volume`, opened from `path`; bad_data unless it has one channel.
std::unique_ptr<core::Volume> require_grey(std::unique_ptr<core::Volume> volume,
                                           const std::string& path);

/// Names the result of predicting `what` with this setup: equal keys give equal voxels.
std::string resume_key(const PredictionSetup& setup, const Json& what);

/// "out.zarr", "probabilities" -> "out_probabilities.zarr"; of an image in a container one in the
/// same: "x.h5:/a" -> "x.h5:/a_probabilities", "x.zarr/labels/a" ->
/// "x.zarr/labels/a_probabilities".
std::string sibling_path(const std::string& output, const std::string& suffix);

/// The same without extension, and outside the container: "out.zarr", "overlay" -> "out_overlay",
/// "x.h5:/a" -> "x.h5.a_overlay".
std::filesystem::path outside_path(const std::string& output, const std::string& suffix);

/// usage error if `folder` is there and holds anything but files of these extensions: one that is
/// replaced must hold results alone.
void refuse_other_files(const std::filesystem::path& folder,
                        const std::vector<std::string>& extensions);

}  // namespace retina::pipeline
