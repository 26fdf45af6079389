#include "retina/engine/block_plan.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "retina/core/file.h"

namespace retina::engine {

namespace {

/// Sizes or units in the order plane, row, column.
using Sides = std::array<std::int64_t, 3>;

class Cutter {
 public:
  Cutter(const core::Vec3& shape, int axis, const PlaneSeries& series, const BlockCost& cost,
         const BlockLimits& limits)
      : axes_(slice_axes(axis)), series_(series), cost_(cost), limits_(limits) {
    extent_ = in_slice_order(shape);
    unit_ = in_slice_order(limits.unit);
    for (std::size_t i = 0; i < 3; ++i) {
      unit_[i] = std::clamp<std::int64_t>(unit_[i], 1, extent_[i]);
    }
  }

  VolumeBlock block(const Sides& start, const Sides& size) const {
    const auto span = [&](std::size_t i) {
      return Span{start[i], std::min(start[i] + size[i], extent_[i])};
    };
    VolumeBlock result;
    result.part = {span(0), {span(1), span(2)}};
    result.write = axes_.to_box(result.part.planes, result.part.region);
    result.read = axes_.to_box(result.part.planes, pixels_needed(series_.plan, result.part.region));
    return result;
  }

  Sides choose_size() const {
    Sides size = unit_;
    if (!fits({unit_[0], extent_[1], extent_[2]})) {
      return smaller_than_planes();
    }
    size[1] = extent_[1];
    size[2] = extent_[2];
    while (size[0] < extent_[0] && voxels(size) < limits_.wanted_voxels) {
      const Sides larger{size[0] + unit_[0], size[1], size[2]};
      if (!fits(larger) || voxels(larger) > 2 * limits_.wanted_voxels) {
        break;
      }
      size = larger;
    }
    return size;
  }

 private:
  Sides in_slice_order(const core::Vec3& v) const {
    return {v[static_cast<std::size_t>(axes_.plane)], v[static_cast<std::size_t>(axes_.row)],
            v[static_cast<std::size_t>(axes_.column)]};
  }

  static std::int64_t voxels(const Sides& size) { return size[0] * size[1] * size[2]; }

  /// The most pixels along one axis of a plane that any block with this side reads: how many
  /// windows a block meets depends on its place.
  std::int64_t most_read(const AxisPlan& plan, std::int64_t extent, std::int64_t side) const {
    std::int64_t most = 0;
    for (std::int64_t start = 0; start < extent; start += side) {
      const Span block{start, std::min(start + side, extent)};
      most = std::max(most, plan.pixels_of(plan.windows_meeting(block)).size());
    }
    return most;
  }

  /// What the most expensive block of this size costs.
  double bytes(const Sides& size) const {
    const auto planes = static_cast<double>(size[0]);
    const auto pixels = static_cast<double>(size[1] * size[2]);
    const std::int64_t read = most_read(series_.plan.y, extent_[1], size[1]) *
                              most_read(series_.plan.x, extent_[2], size[2]);
    return cost_.per_input_voxel * planes * static_cast<double>(read) +
           cost_.per_output_voxel * planes * pixels + cost_.per_plane_pixel * pixels;
  }

  bool fits(const Sides& size) const {
    return bytes(size) <= static_cast<double>(limits_.max_bytes);
  }

  Sides smaller_than_planes() const {
    Sides size = unit_;
    if (limits_.unit_is == BlockLimits::Unit::preferred) {
      while (size[0] > 1 && !fits({size[0], extent_[1], extent_[2]})) {
        size[0] = (size[0] + 1) / 2;
      }
      if (fits({size[0], extent_[1], extent_[2]})) {
        return {size[0], extent_[1], extent_[2]};
      }
    }
    if (!fits(size)) {
      fail(size);
    }
    const std::size_t growing = fits({size[0], size[1], extent_[2]}) ? 1 : 2;
    if (growing == 1) {
      size[2] = extent_[2];
    }
    for (Sides larger = size; fits(larger); larger[growing] += unit_[growing]) {
      size = larger;
    }
    return size;
  }

  [[noreturn]] void fail(const Sides& smallest) const {
    throw Error(
        ErrorKind::resource,
        Problem{
            .subject = "memory for one block",
            .found = core::format_size(limits_.max_bytes),
            .expected = fmt::format("at least {} for {} x {} x {} voxels",
                                    core::format_size(static_cast<std::int64_t>(bytes(smallest))),
                                    smallest[0], smallest[1], smallest[2]),
            .remedy = "raise --max-ram, or write to .zarr, whose storage units are small"});
  }

 public:
  static double block_bytes(const VolumeBlock& block, const BlockCost& cost) {
    const auto pixels =
        static_cast<double>(block.part.region.y.size() * block.part.region.x.size());
    return cost.per_input_voxel * static_cast<double>(block.read.voxels()) +
           cost.per_output_voxel * static_cast<double>(block.write.voxels()) +
           cost.per_plane_pixel * pixels;
  }

  const Sides& extent() const { return extent_; }

 private:
  SliceAxes axes_;
  const PlaneSeries& series_;
  const BlockCost& cost_;
  const BlockLimits& limits_;
  Sides extent_{};
  Sides unit_{};
};

}  // namespace

core::Box3 SliceAxes::to_box(const Span& planes, const Region& region) const {
  core::Box3 box;
  const auto set = [&](int axis, const Span& span) {
    box.start[static_cast<std::size_t>(axis)] = span.begin;
    box.shape[static_cast<std::size_t>(axis)] = span.size();
  };
  set(plane, planes);
  set(row, region.y);
  set(column, region.x);
  return box;
}

SliceAxes slice_axes(int axis) {
  return {axis, axis == 0 ? 1 : 0, axis == 2 ? 1 : 2};
}

std::vector<VolumeBlock> plan_blocks(const core::Vec3& shape, int axis, const PlaneSeries& series,
                                     const BlockCost& cost, const BlockLimits& limits) {
  const Cutter cutter(shape, axis, series, cost, limits);
  const Sides size = cutter.choose_size();
  const Sides& extent = cutter.extent();
  std::vector<VolumeBlock> blocks;
  Sides start{};
  for (start[0] = 0; start[0] < extent[0]; start[0] += size[0]) {
    for (start[1] = 0; start[1] < extent[1]; start[1] += size[1]) {
      for (start[2] = 0; start[2] < extent[2]; start[2] += size[2]) {
        blocks.push_back(cutter.block(start, size));
      }
    }
  }
  return blocks;
}

std::int64_t peak_block_bytes(const std::vector<VolumeBlock>& blocks, const BlockCost& cost) {
  double peak = 0;
  for (const VolumeBlock& block : blocks) {
    peak = std::max(peak, Cutter::block_bytes(block, cost));
  }
  return static_cast<std::int64_t>(peak);
}

}  // namespace retina::engine
