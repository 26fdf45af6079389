#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace retina::store {

/// Sides of an array of any number of dimensions, the last one fastest.
using Sides = std::vector<std::int64_t>;

/// Product of the sides; the caller has checked that it fits.
std::int64_t count_of(const Sides& sides);

/// `values` with its dimensions in another order: dimension i of the result is dimension order[i]
/// of the source.
std::vector<std::byte> permute(std::span<const std::byte> values, std::size_t value_size,
                               const Sides& sides, const std::vector<std::size_t>& order);

/// The order that undoes `order`.
std::vector<std::size_t> inverse_of(const std::vector<std::size_t>& order);

/// Copies a block into an array, at the block's grid index.
void paste(std::span<const std::byte> block, const Sides& block_sides, const Sides& index,
           std::span<std::byte> target, const Sides& target_sides, std::size_t value_size);

/// The block at a grid index, cut out of an array.
std::vector<std::byte> cut_block(std::span<const std::byte> source, const Sides& source_sides,
                                 const Sides& index, const Sides& block_sides,
                                 std::size_t value_size);

/// Grid index of the cell with row-major number `number`.
Sides unravel(std::int64_t number, const Sides& grid);

}  // namespace retina::store
