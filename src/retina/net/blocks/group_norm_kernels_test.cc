#include "retina/net/blocks/group_norm_kernels.h"

#include <bit>
#include <cmath>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

namespace retina::net::kernels {
namespace {

TEST(GroupNormKernels, AddsMomentsOfEachChannel) {
  // five rows: one block of four and one left over
  const std::vector<float> x{1, -1, 2, -2, 3, -3, 4, -4, 5, -5};
  std::vector<float> sum(2, 100), square_sum(2);
  add_moments(x.data(), {.rows = 5, .channels = 2}, sum.data(), square_sum.data());
  EXPECT_EQ(sum, (std::vector<float>{115, 85}));
  EXPECT_EQ(square_sum, (std::vector<float>{55, 55}));
}

TEST(GroupNormKernels, Bfloat16RoundsToNearestEven) {
  const auto rounded = [](float value) {
    const std::uint16_t zero = 0;
    std::uint16_t out = 0;
    const float scale = 0;
    apply_affine(&zero, nullptr, {.rows = 1, .channels = 1},
                 {.scale = &scale, .shift = &value, .relu = false}, &out);
    return std::bit_cast<float>(static_cast<std::uint32_t>(out) << 16);
  };
  EXPECT_EQ(rounded(1.0F), 1.0F);
  EXPECT_EQ(rounded(1.0F + 0x1p-8F), 1.0F) << "a tie goes to the even neighbour";
  EXPECT_EQ(rounded(1.0F + 3 * 0x1p-8F), 1.0F + 0x1p-6F);
  EXPECT_EQ(rounded(-2.0F - 0x1p-6F), -2.0F - 0x1p-6F);
  EXPECT_TRUE(std::isnan(rounded(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(std::isinf(rounded(std::numeric_limits<float>::infinity())));
}

TEST(GroupNormKernels, ReluKeepsNan) {
  const std::vector<float> x{std::numeric_limits<float>::quiet_NaN(), -1, 2};
  const std::vector<float> one(3, 1), zero(3);
  std::vector<float> y(3);
  apply_affine(x.data(), nullptr, {.rows = 1, .channels = 3},
               {.scale = one.data(), .shift = zero.data(), .relu = true}, y.data());
  EXPECT_TRUE(std::isnan(y[0]));
  EXPECT_EQ(y[1], 0);
  EXPECT_EQ(y[2], 2);
}

}  // namespace
}  // namespace retina::net::kernels
