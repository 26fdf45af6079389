#include "retina/engine/volume_plan.h"

#include <algorithm>

#include "retina/engine/conveyor.h"
#include "retina/engine/scratch_volume.h"

namespace retina::engine {

namespace {

/// The accumulator may take this share of the memory before it goes to disk.
constexpr double kSumsShare = 0.5;

BlockCost cost_of(const core::VolumeInfo& input, int channels, const VolumePlanOptions& options) {
  const auto stored = static_cast<double>(core::size_of(input.dtype));
  BlockCost cost;
  cost.per_input_voxel = kItemsInFlight + stored + 1;
  if (options.mode == AxesMode::orthoplane) {
    cost.per_output_voxel = (kItemsInFlight + 2) * channels + 1;
  } else {
    cost.per_output_voxel = kItemsInFlight * (1 + (options.probabilities ? channels : 0));
  }
  cost.per_plane_pixel = 20.0 * channels;
  return cost;
}

std::vector<int> axes_of(AxesMode mode) {
  return mode == AxesMode::orthoplane ? std::vector<int>{2, 1, 0} : std::vector<int>{0};
}

BlockLimits limits_of(const VolumePlan& plan, const VolumePlanOptions& options, int axis,
                      std::int64_t max_bytes) {
  BlockLimits limits{.unit = options.unit, .max_bytes = max_bytes};
  if (axis != 0) {
    const std::int64_t side = plan.sums_on_disk ? ScratchVolume::kChunk : 1;
    limits.unit = {side, side, side};
    limits.unit_is = BlockLimits::Unit::preferred;
  }
  return limits;
}

}  // namespace

std::int64_t windows_of(const VolumePass& pass, const VolumeBlock& block) {
  std::int64_t batches = 0;
  for (const WindowTask& task :
       assign_batches(pass.series.plan, block.part.region, block.part.planes.begin,
                      block.part.planes.size(), pass.series.batch)) {
    batches = std::max(batches, task.batch + 1);
  }
  return batches * pass.series.batch;
}

VolumePlan plan_volume(const core::VolumeInfo& input, const PlanePredictor& predictor,
                       const VolumePlanOptions& options) {
  const int channels = predictor.channels();
  const std::int64_t voxels = core::whole(input.shape).voxels();
  VolumePlan plan;
  std::int64_t max_bytes = options.max_bytes;
  if (options.mode == AxesMode::orthoplane) {
    const std::int64_t sums = voxels * channels;
    plan.sums_on_disk =
        static_cast<double>(sums) > kSumsShare * static_cast<double>(options.max_bytes);
    if (plan.sums_on_disk) {
      plan.scratch_bytes = 2 * ScratchVolume::file_bytes(channels, input.shape);
    } else {
      max_bytes -= sums;
      plan.peak_bytes = sums;
    }
  }
  const BlockCost cost = cost_of(input, channels, options);
  std::int64_t peak = 0;
  for (const int axis : axes_of(options.mode)) {
    const SliceAxes axes = slice_axes(axis);
    VolumePass pass{.axis = axis, .series = {}, .blocks = {}};
    pass.series = predictor.series(input.shape[static_cast<std::size_t>(axes.plane)],
                                   input.shape[static_cast<std::size_t>(axes.row)],
                                   input.shape[static_cast<std::size_t>(axes.column)]);
    pass.blocks = plan_blocks(input.shape, axis, pass.series, cost,
                              limits_of(plan, options, axis, max_bytes));
    plan.windows_needed += pass.series.windows_needed();
    peak = std::max(peak, peak_block_bytes(pass.blocks, cost));
    for (const VolumeBlock& block : pass.blocks) {
      plan.windows += windows_of(pass, block);
      plan.bytes_read +=
          block.read.voxels() * static_cast<std::int64_t>(core::size_of(input.dtype));
    }
    plan.passes.push_back(std::move(pass));
  }
  plan.peak_bytes += peak;
  plan.bytes_written = voxels * (1 + (options.probabilities ? channels : 0));
  return plan;
}

}  // namespace retina::engine
