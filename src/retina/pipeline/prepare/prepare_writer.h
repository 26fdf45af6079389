#pragma once

#include <filesystem>
#include <vector>

#include "retina/core/progress.h"
#include "retina/pipeline/prepare/prepare.h"
#include "retina/pipeline/prepare/prepare_plan.h"

namespace retina::pipeline {

struct PreparedWriting {
  std::filesystem::path root;  ///< folder to fill
  UnknownVoxels unknown = UnknownVoxels::published;
  int threads = 0;  ///< 0 = as many as there are cores
};

/// Writes the images and masks of a plan, a few planes at a time in each thread. The folders that
/// it filled (planned_folders()), with the pixels of each class. `interrupted` on a stop request.
std::vector<PreparedFolder> write_planned(const PreparePlan& plan, const PreparedWriting& how,
                                          const core::Context& context);

}  // namespace retina::pipeline
