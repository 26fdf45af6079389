#pragma once

#include <optional>

#include "retina/core/error.h"
#include "retina/data/dataset.h"

namespace retina::pipeline {

/// Labels must lie on the voxels of their image: voxels of equal size, and the same place in space.
/// What is wrong, if both files state these; what is not known cannot contradict.
std::optional<Problem> geometry_problem(const data::LabelledVolume& volume);

}  // namespace retina::pipeline
