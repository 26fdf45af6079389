#include "retina/store/zarr/dimensions.h"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/rng.h"

namespace retina::store {
namespace {

std::vector<std::byte> counted_bytes(std::int64_t count) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = static_cast<std::byte>(i);
  }
  return bytes;
}

TEST(Dimensions, PermutingMovesEveryValue) {
  const Sides sides{2, 3, 4};
  const std::vector<std::size_t> order{2, 0, 1};
  const auto values = counted_bytes(24);
  const auto turned = permute(values, 1, sides, order);
  for (std::size_t a = 0; a < 2; ++a) {
    for (std::size_t b = 0; b < 3; ++b) {
      for (std::size_t c = 0; c < 4; ++c) {
        EXPECT_EQ(turned[(c * 2 + a) * 3 + b], values[(a * 3 + b) * 4 + c]);
      }
    }
  }
}

TEST(Dimensions, PermutingBackGivesTheSame) {
  core::Rng rng(5);
  for (const std::size_t size : {1U, 2U, 4U, 8U}) {
    Sides sides;
    std::vector<std::size_t> order(4);
    std::iota(order.begin(), order.end(), 0);
    for (std::size_t i = 0; i < order.size(); ++i) {
      sides.push_back(rng.integer(1, 5));
      std::swap(order[i], order[static_cast<std::size_t>(rng.integer(0, 3))]);
    }
    Sides turned_sides;
    for (const std::size_t dimension : order) {
      turned_sides.push_back(sides[dimension]);
    }
    const auto values = counted_bytes(count_of(sides) * static_cast<std::int64_t>(size));
    EXPECT_EQ(permute(permute(values, size, sides, order), size, turned_sides, inverse_of(order)),
              values);
  }
}

TEST(Dimensions, BlocksCoverAnArray) {
  const Sides sides{4, 6};
  const Sides block{2, 3};
  const auto values = counted_bytes(48);
  std::vector<std::byte> copy(values.size());
  for (std::int64_t i = 0; i < 4; ++i) {
    const Sides index = unravel(i, {2, 2});
    paste(cut_block(values, sides, index, block, 2), block, index, copy, sides, 2);
  }
  EXPECT_EQ(copy, values);
  EXPECT_EQ(unravel(5, {2, 3}), (Sides{1, 2}));
}

}  // namespace
}  // namespace retina::store
