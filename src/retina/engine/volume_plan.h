#pragma once

#include <cstdint>
#include <vector>

#include "retina/core/options.h"
#include "retina/core/volume.h"
#include "retina/engine/block_plan.h"
#include "retina/engine/predictor.h"

namespace retina::engine {

enum class AxesMode {
  plane,  ///< every z slice is an image of its own; the decision is made on float probabilities
  stack,  ///< z slices of a volume; the decision is made on uint8 probabilities (retina.md 4.4)
  orthoplane,  ///< slices across all three axes, summed before the decision
};
constexpr core::EnumTable<AxesMode, 3> enum_table(AxesMode) {
  return {
      {{AxesMode::plane, "2d"}, {AxesMode::stack, "stack"}, {AxesMode::orthoplane, "orthoplane"}}};
}

/// What the plan of a volume depends on, besides the predictor.
struct VolumePlanOptions {
  AxesMode mode = AxesMode::stack;
  bool probabilities = false;  ///< also written, not only the labels
  core::Vec3 unit{1, 1, 1};    ///< of storage of the outputs, z, y, x
  std::int64_t max_bytes = 0;  ///< for all buffers of the volume
};

/// All slices across one axis.
struct VolumePass {
  int axis = 0;
  PlaneSeries series;
  std::vector<VolumeBlock> blocks;
};

/// How a volume will be predicted: pure, made before a voxel is read.
struct VolumePlan {
  std::vector<VolumePass> passes;  ///< orthoplane: x, y, then z, whose slabs suit every format
  bool sums_on_disk = false;       ///< the orthoplane accumulator does not fit into memory
  std::int64_t windows = 0;        ///< that will be computed, padding of batches included
  std::int64_t windows_needed = 0;
  std::int64_t bytes_read = 0;
  std::int64_t bytes_written = 0;
  std::int64_t scratch_bytes = 0;  ///< disk space needed while it runs
  std::int64_t peak_bytes = 0;     ///< of the buffers
};

/// Windows that `block` of `pass` computes, padding of batches included.
std::int64_t windows_of(const VolumePass& pass, const VolumeBlock& block);

/// resource error if not even the smallest blocks fit into options.max_bytes.
VolumePlan plan_volume(const core::VolumeInfo& input, const PlanePredictor& predictor,
                       const VolumePlanOptions& options);

}  // namespace retina::engine
