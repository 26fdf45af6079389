#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <torch/types.h>

#include "retina/core/array.h"
#include "retina/core/progress.h"
#include "retina/data/dataset.h"
#include "retina/engine/predictor.h"
#include "retina/engine/window_plan.h"
#include "retina/metric/overlap.h"
#include "retina/model/preprocess.h"
#include "retina/net/network.h"
#include "retina/pipeline/finetune/threshold_scan.h"

namespace retina::pipeline {

/// One slice with what was predicted, for pictures. All u8, {1,y,x}.
struct SliceSample {
  std::string name;
  core::Array image;
  core::Array truth;
  core::Array prediction;
};

/// A held-out slice, where it lies, and what was predicted of it. Both u8, {1,y,x}.
struct PredictedSlice {
  data::Slice slice;
  std::optional<core::Vec3d> voxel_nm;  ///< z, y, x, where the file tells it
  std::string name;
  core::Array truth;
  core::Array prediction;
};

/// Scores of a class over the held-out slices.
struct ClassScore {
  std::string name;
  double iou = 0;         ///< mean over slices of (I + 1e-5) / (U + 1e-5), as published
  double pooled_iou = 0;  ///< of the counts of all slices together, smoothed alike
};

struct ValidationScores {
  std::vector<ClassScore> classes;
  std::vector<SliceSample> samples;      ///< a few slices, evenly spaced
  std::vector<PredictedSlice> slices{};  ///< all of them, where the setup asks for it

  double mean_iou() const;
};

/// What validation depends on beside the network.
struct ValidatorSetup {
  std::vector<std::string> classes;  ///< of ids 1, 2, ...
  model::Preprocess preprocess;
  engine::WindowOptions windows;
  std::int64_t max_slices = 0;  ///< evenly spaced; 0 = all
  std::int64_t samples = 3;     ///< slices kept for pictures
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  ///< of inference
  bool keep_slices = false;           ///< for who scores them in another way too
};

/// Predicts held-out slices by full sliding-window inference and scores them. Slices without a
/// known pixel do not count; bad_data if there are no others.
class HeldOutValidator {
 public:
  HeldOutValidator(std::shared_ptr<const data::Dataset> dataset, ValidatorSetup setup);
  /// interrupted, within a batch, when a stop is requested.
  ValidationScores score(const net::DenseNetwork& network, const core::Context& context) const;
  /// The threshold of a one-class network that gives the best mean IoU of the slices; interrupted
  /// as score().
  TunedThreshold best_threshold(const net::DenseNetwork& network,
                                const core::Context& context) const;
  std::int64_t slices() const { return static_cast<std::int64_t>(slices_.size()); }

 private:
  engine::PlanePredictor predictor_for(const net::DenseNetwork& network,
                                       const core::Context& context) const;

  std::shared_ptr<const data::Dataset> dataset_;
  ValidatorSetup setup_;
  std::vector<data::Slice> slices_;
};

/// Gives the one-class model in `folder` its best threshold: the slices that chose it choose its
/// threshold too; the scores that chose it stay those at 0.5.
void tune_threshold(const std::filesystem::path& folder, const HeldOutValidator& validator,
                    const core::Context& context);

/// Counts of classes 1, 2, ... in one slice of class ids; none where nothing is known of it.
std::optional<std::vector<metric::OverlapCounts>> slice_overlap(const core::Array& prediction,
                                                                const core::Array& truth,
                                                                std::size_t classes);

/// `count` of `items` at even distances (all if count is 0 or more than there are).
std::vector<data::Slice> evenly_spaced(const std::vector<data::Slice>& items, std::int64_t count);

}  // namespace retina::pipeline
