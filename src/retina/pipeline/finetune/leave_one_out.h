#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>

#include "retina/core/progress.h"
#include "retina/data/dataset.h"
#include "retina/engine/window_plan.h"
#include "retina/model/model.h"
#include "retina/pipeline/finetune/labelled_regions.h"
#include "retina/pipeline/finetune/left_out_regions.h"

namespace retina::pipeline {

/// A header, then a line for each class of each region.
std::vector<std::vector<std::string>> table_of(const LeaveOneOut& result);
/// "mean gain over 4 left-out regions: Dice +0.0832, IoU +0.1017"; what to do where it is a loss.
std::string summary_of(const LeaveOneOut& result);

struct LeaveOneOutSetup {
  std::shared_ptr<const data::Dataset> dataset;  ///< with all regions
  std::vector<LabelledRegion> regions;
  std::vector<std::string> classes;  ///< of ids 1, 2, ...
  model::Model start;                ///< scored as it is, with its own constants and threshold
  engine::WindowOptions windows;
  at::Device device = at::kCPU;
  at::ScalarType dtype = at::kFloat;  ///< of inference
  std::int64_t steps = 0;             ///< of each training; 0 = no limit
  double max_seconds = 0;             ///< of each training and its scores; 0 = no limit
  std::filesystem::path file;         ///< regions.json: what is done, read if it is there
};

/// Trains from the start on a dataset, at most so many seconds (0 = no limit).
using TrainOn = std::function<model::Model(std::shared_ptr<const data::Dataset>, double max_seconds,
                                           const core::Context&)>;

/// Leaves out one region after the other: trains with its labels not known, and scores the start
/// and the result on it alone, each predicting the region with a window's width around it. Every
/// region is written to setup.file when it is done; those of an interrupted call with the same
/// limits are not repeated.
LeaveOneOut leave_one_out(const LeaveOneOutSetup& setup, const TrainOn& train,
                          const core::Context& context);

}  // namespace retina::pipeline
