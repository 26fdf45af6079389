#pragma once

#include <array>
#include <cstdint>
#include <functional>

#include "retina/core/array.h"

namespace retina::store {

using Index4 = std::array<std::int64_t, 4>;  ///< c, z, y, x

/// A half-open block of a volume with its channels, c,z,y,x.
struct Block4 {
  Index4 start{0, 0, 0, 0};
  Index4 shape{0, 0, 0, 0};

  bool empty() const;
  bool operator==(const Block4&) const = default;
};

Block4 intersect(const Block4& a, const Block4& b);

/// All `channels` of a box.
Block4 with_channels(const core::Box3& box, std::int64_t channels);

/// The cell with grid index `index` of a regular grid.
Block4 cell_block(const Index4& index, const Index4& cell);

/// Calls `visit` with the grid index of every cell that meets `block`, x fastest.
void for_each_cell(const Block4& block, const Index4& cell,
                   const std::function<void(const Index4&)>& visit);

/// An array of a block's shape.
core::Array make_array(core::DType dtype, const Index4& shape);

/// Copies the common part of two blocks of one grid, channels included.
void copy_block(const core::Array& source, const Index4& source_start, core::Array& target,
                const Index4& target_start);

}  // namespace retina::store
