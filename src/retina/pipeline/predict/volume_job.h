#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "retina/core/json.h"
#include "retina/core/resampled_volume.h"
#include "retina/engine/volume_plan.h"
#include "retina/label/clean.h"
#include "retina/pipeline/predict/object_cleaning.h"
#include "retina/pipeline/predict/prediction_setup.h"

namespace retina::pipeline {

/// One volume to predict: at which scale, in which blocks, and what becomes of the results. Setup
/// and input must outlive it.
struct VolumeJob {
  const PredictionSetup& setup;
  const core::Volume& input;
  engine::AxesMode mode = engine::AxesMode::stack;
  std::string output{};  ///< path of the labels
  Json source{};         ///< store::source_identity of the input when the job began
  label::CleanRules rules{};
  std::unique_ptr<core::ResampledVolume> scaled{};  ///< null at the input's own scale
  std::int64_t max_bytes = 0;                       ///< of buffers
  core::Vec3 unit{1, 1, 1};                         ///< of storage, which blocks consist of
  engine::VolumePlan plan{};

  /// What the network is given: the input, or a view of it at the model's scale.
  const core::Volume& seen() const { return scaled ? *scaled : input; }

  /// True if the network's results are stored aside first: at another scale, or to be cleaned.
  bool is_staged() const { return scaled != nullptr || cleans(rules); }
  int raw_channels() const { return scaled ? setup.predictor->channels() : 1; }
  bool wants_ids() const { return rules.ids == label::ObjectIds::wanted; }
};

/// Plans within max_ram; warns of voxels that suit the mode or the model badly. resource error if
/// the memory does not suffice for what follows the network either.
VolumeJob make_volume_job(const PredictionSetup& setup, const core::Volume& input,
                          engine::AxesMode mode, const std::string& output,
                          const core::Context& context);

/// What is known before a voxel is read.
PredictReport planned_report(const VolumeJob& job);

}  // namespace retina::pipeline
