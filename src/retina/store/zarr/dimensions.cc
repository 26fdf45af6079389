#include "retina/store/zarr/dimensions.h"

#include <cstring>

#include "retina/core/error.h"

namespace retina::store {

namespace {

/// Steps through an index of `sides`, the last dimension fastest; false after the last one.
bool advance(Sides& index, const Sides& sides) {
  for (std::size_t i = sides.size(); i-- > 0;) {
    if (++index[i] < sides[i]) {
      return true;
    }
    index[i] = 0;
  }
  return false;
}

/// Distance of neighbours along each dimension, in values.
Sides strides_of(const Sides& sides) {
  Sides strides(sides.size(), 1);
  for (std::size_t i = sides.size(); i-- > 1;) {
    strides[i - 1] = strides[i] * sides[i];
  }
  return strides;
}

/// Copies `count` values that lie `stride` values apart to a dense row.
template <std::size_t Size>
void gather(const std::byte* from, std::int64_t stride, std::int64_t count, std::byte* to) {
  for (std::int64_t i = 0; i < count; ++i) {
    std::memcpy(to + i * static_cast<std::int64_t>(Size),
                from + i * stride * static_cast<std::int64_t>(Size), Size);
  }
}

using Gather = void (*)(const std::byte*, std::int64_t, std::int64_t, std::byte*);

Gather gather_of(std::size_t value_size) {
  switch (value_size) {
    case 1:
      return gather<1>;
    case 2:
      return gather<2>;
    case 4:
      return gather<4>;
    case 8:
      return gather<8>;
    default:
      throw Error(ErrorKind::internal, "permute: not the size of a number");
  }
}

/// Calls `visit(offset in the array, offset in the block)` for each row of the block, in bytes.
template <class Visit>
void for_each_row(const Sides& block, const Sides& index, const Sides& array,
                  std::size_t value_size, Visit visit) {
  const Sides strides = strides_of(array);
  Sides rows = block;
  rows.back() = 1;
  Sides at(block.size(), 0);
  std::size_t in_block = 0;
  do {
    std::int64_t in_array = 0;
    for (std::size_t i = 0; i < block.size(); ++i) {
      in_array += (index[i] * block[i] + at[i]) * strides[i];
    }
    visit(static_cast<std::size_t>(in_array) * value_size, in_block);
    in_block += static_cast<std::size_t>(block.back()) * value_size;
  } while (advance(at, rows));
}

}  // namespace

std::int64_t count_of(const Sides& sides) {
  std::int64_t count = 1;
  for (const std::int64_t side : sides) {
    count *= side;
  }
  return count;
}

std::vector<std::byte> permute(std::span<const std::byte> values, std::size_t value_size,
                               const Sides& sides, const std::vector<std::size_t>& order) {
  const Sides strides = strides_of(sides);
  Sides out_sides;
  Sides out_strides;
  for (const std::size_t dimension : order) {
    out_sides.push_back(sides[dimension]);
    out_strides.push_back(strides[dimension]);
  }
  const Gather copy_row = gather_of(value_size);
  const std::int64_t row = out_sides.back();
  std::vector<std::byte> out(values.size());
  std::byte* to = out.data();
  Sides rows = out_sides;
  rows.back() = 1;
  Sides at(rows.size(), 0);
  do {
    std::int64_t from = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
      from += at[i] * out_strides[i];
    }
    copy_row(values.data() + from * static_cast<std::int64_t>(value_size), out_strides.back(), row,
             to);
    to += row * static_cast<std::int64_t>(value_size);
  } while (advance(at, rows));
  return out;
}

std::vector<std::size_t> inverse_of(const std::vector<std::size_t>& order) {
  std::vector<std::size_t> inverse(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    inverse[order[i]] = i;
  }
  return inverse;
}

void paste(std::span<const std::byte> block, const Sides& block_sides, const Sides& index,
           std::span<std::byte> target, const Sides& target_sides, std::size_t value_size) {
  const std::size_t row = static_cast<std::size_t>(block_sides.back()) * value_size;
  for_each_row(block_sides, index, target_sides, value_size,
               [&](std::size_t in_array, std::size_t in_block) {
                 std::memcpy(target.data() + in_array, block.data() + in_block, row);
               });
}

std::vector<std::byte> cut_block(std::span<const std::byte> source, const Sides& source_sides,
                                 const Sides& index, const Sides& block_sides,
                                 std::size_t value_size) {
  std::vector<std::byte> block(static_cast<std::size_t>(count_of(block_sides)) * value_size);
  const std::size_t row = static_cast<std::size_t>(block_sides.back()) * value_size;
  for_each_row(block_sides, index, source_sides, value_size,
               [&](std::size_t in_array, std::size_t in_block) {
                 std::memcpy(block.data() + in_block, source.data() + in_array, row);
               });
  return block;
}

Sides unravel(std::int64_t number, const Sides& grid) {
  Sides index(grid.size(), 0);
  for (std::size_t i = grid.size(); i-- > 0;) {
    index[i] = number % grid[i];
    number /= grid[i];
  }
  return index;
}

}  // namespace retina::store
