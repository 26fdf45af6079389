#pragma once

#include <cstdint>
#include <vector>

#include "retina/core/box.h"
#include "retina/engine/window_plan.h"

namespace retina::engine {

/// The axes of a volume as seen from its slices across one of them.
struct SliceAxes {
  int plane = 0;  ///< the axis that numbers the slices
  int row = 1;    ///< of the two others, in volume order
  int column = 2;

  core::Box3 to_box(const Span& planes, const Region& region) const;
};
SliceAxes slice_axes(int axis);

/// What a block costs in memory.
struct BlockCost {
  double per_input_voxel = 0;   ///< bytes for each voxel that is read
  double per_output_voxel = 0;  ///< bytes for each voxel that is predicted
  double per_plane_pixel = 0;   ///< bytes for each predicted pixel of one plane
};

/// How a volume may be cut.
struct BlockLimits {
  core::Vec3 unit{1, 1,
                  1};  ///< blocks begin and end at multiples of it (or at the border); z, y, x
  /// True if blocks thinner than the unit are allowed: they cost time but no data.
  enum class Unit { required, preferred } unit_is = Unit::required;
  std::int64_t max_bytes = 0;
  std::int64_t wanted_voxels = std::int64_t{1} << 24;  ///< larger blocks are not made for speed
};

struct VolumeBlock {
  PlaneBlock part;
  core::Box3 read;   ///< what must be read for it
  core::Box3 write;  ///< what it predicts
};

/// Blocks that cover a volume once, in the order plane, row, column. resource error, which says
/// what would be enough, if not even one unit fits into limits.max_bytes.
std::vector<VolumeBlock> plan_blocks(const core::Vec3& shape, int axis, const PlaneSeries& series,
                                     const BlockCost& cost, const BlockLimits& limits);

/// Bytes that the largest of `blocks` needs.
std::int64_t peak_block_bytes(const std::vector<VolumeBlock>& blocks, const BlockCost& cost);

}  // namespace retina::engine
