#pragma once

#include <cstdint>
#include <functional>

#include "retina/core/array.h"
#include "retina/core/box.h"

namespace retina::metric {

/// Two sets of voxels of one volume that is not held in memory. Each function gives the uint8 mask
/// of a box.
struct StreamedMasks {
  core::Vec3 shape{0, 0, 0};
  std::function<core::Array(const core::Box3&)> prediction;
  std::function<core::Array(const core::Box3&)> truth;
  std::int64_t label_bytes = 0;  ///< of a voxel, that are read to make both masks
};

}  // namespace retina::metric
