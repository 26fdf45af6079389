#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "retina/core/intensity.h"
#include "retina/core/progress.h"
#include "retina/core/volume.h"
#include "retina/engine/conveyor.h"
#include "retina/engine/predictor.h"
#include "retina/engine/volume_plan.h"

namespace retina::engine {

/// How a probability becomes its share of 255 (a third of it in orthoplane mode).
enum class Rounding {
  nearest,   ///< ours: no bias
  truncate,  ///< published (retina.md 4.4)
};

/// Where results go. The volume must outlive the prediction; the caller finishes it.
struct VolumeTarget {
  core::Volume* volume = nullptr;  ///< uint8; null = not wanted
  /// True for what an earlier, interrupted run has stored; empty = nothing.
  std::function<bool(const core::Box3&)> is_written = {};
};

struct VolumeTargets {
  VolumeTarget labels = {};         ///< one channel of class ids
  VolumeTarget probabilities = {};  ///< one channel per network output, 255 = certain
};

struct VolumeOptions {
  Rounding rounding = Rounding::nearest;
  double threshold = 0.5;         ///< of one-channel networks
  core::IntensityRange range;     ///< of inputs that are not uint8
  std::filesystem::path scratch;  ///< folder for the accumulator, made and removed where needed
  std::string resume_key;         ///< scratch of the same key is continued; empty = never
  std::string resume_hint{core::kContinueHint};
};

/// Predicts a volume by `plan` (made for this input, predictor and targets): reads, computes and
/// writes blocks at the same time, with memory bounded by the plan. Blocks that the targets already
/// hold are left out. Progress counts windows, those of what is left out as well. interrupted error
/// on a stop request, after what was computed has been written.
ConveyorTime predict_volume(const core::Volume& input, PlanePredictor& predictor,
                            const VolumePlan& plan, AxesMode mode, const VolumeTargets& targets,
                            const VolumeOptions& options, const core::Context& ctx);

/// Probabilities [K,Y,X] times `scale`, as uint8.
at::Tensor quantise(const at::Tensor& probabilities_KYX, double scale, Rounding rounding);

/// Class ids of uint8 probabilities: one channel value > int(255 * threshold), else the first of
/// the largest (retina.md 4.4).
core::Array decide_quantised(const core::Array& probabilities, double threshold);

}  // namespace retina::engine
