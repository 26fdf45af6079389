#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "retina/store/block.h"

namespace retina::store {

/// How an array on disk, of any number and order of axes, is seen as c,z,y,x.
struct AxisOrder {
  Index4 shape{1, 1, 1, 1};   ///< c, z, y, x; 1 where the array has no such axis
  Index4 stride{0, 0, 0, 0};  ///< elements from one index to the next, in the dense array on disk
  std::array<std::size_t, 4> order{0, 1, 2, 3};  ///< axes as they lie on disk, slowest first
};

/// `axes` names the `sides`, slowest first, both as order_axes requires them.
AxisOrder dense_order(const std::string& axes, const std::vector<std::int64_t>& sides);

/// The same, checked. `axes` names the `sides`, slowest first: letters of "tczyx", each at most
/// once, with y and x; time must have one point. bad_data (without the file's name) otherwise, or
/// if a side is less than 1 or the sizes exceed 64 bits.
AxisOrder order_axes(const std::string& axes, const std::vector<std::int64_t>& sides);

/// The sides of a dense array in the order of `axes` that has these c,z,y,x sides; 1 for time.
std::vector<std::int64_t> sides_in_order(const std::string& axes, const Index4& czyx);

/// True if `axes` can name an image: see order_axes.
bool are_image_axes(const std::string& axes);

/// Fills `target` (c,z,y,x) from elements that lie `stride` apart, the first of them at the start
/// of `source`.
void gather(std::span<const std::byte> source, const Index4& stride, core::Array& target,
            const Index4& target_start, const Index4& count);

}  // namespace retina::store
