#pragma once

#include <vector>

#include "retina/core/error.h"
#include "retina/data/dataset.h"
#include "retina/data/options.h"

namespace retina::pipeline {

/// Replaces image and labels by views with voxels of target_voxel_nm, if it is given. False after a
/// problem, which is added to `problems`.
bool resample(data::LabelledVolume& volume, const data::DataOptions& options,
              std::vector<Problem>& problems);

}  // namespace retina::pipeline
