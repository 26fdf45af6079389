#pragma once

#include <cstdint>
#include <vector>

#include "retina/core/box.h"

namespace retina::label {

/// The sides of a block in a volume: those of 0 are the whole, none is longer, the least is 1.
core::Vec3 sides_within(const core::Vec3& shape, const core::Vec3& block);

/// Blocks of one shape (cut at the far borders) that cover a volume once, numbered in C order.
class BlockGrid {
 public:
  /// `block`: voxels z, y, x; 0 = the whole side.
  BlockGrid(const core::Vec3& shape, const core::Vec3& block);

  const core::Vec3& shape() const { return shape_; }
  std::int64_t count() const { return counts_[0] * counts_[1] * counts_[2]; }
  core::Box3 box(std::int64_t number) const;
  /// Numbers of the blocks that share a voxel with `box`, which lies in the volume.
  std::vector<std::int64_t> meeting(const core::Box3& box) const;

 private:
  core::Vec3 shape_;
  core::Vec3 block_;
  core::Vec3 counts_;
};

/// Blocks of whole storage units, longest along x, then y, then z, of at most `max_voxels` (one
/// unit is the least).
core::Vec3 block_of_units(const core::Vec3& shape, const core::Vec3& unit, std::int64_t max_voxels);

}  // namespace retina::label
