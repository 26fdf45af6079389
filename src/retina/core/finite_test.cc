#include "retina/core/finite.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::core {
namespace {

TEST(FiniteSample, CountsNanAndInfinityOfFloats) {
  Array values(DType::f32, 1, {1, 32, 32});
  values.at<float>(0, 0, 3, 4) = std::numeric_limits<float>::quiet_NaN();
  values.at<float>(0, 0, 5, 6) = -std::numeric_limits<float>::infinity();
  const FiniteSample sample = sample_finite(*in_memory(std::move(values)), 0);
  EXPECT_EQ(sample.values, 32 * 32) << "a small volume is looked at whole, and once";
  EXPECT_EQ(sample.non_finite, 2);
}

TEST(FiniteSample, IntegersAreFinite) {
  EXPECT_EQ(sample_finite(*in_memory(Array(DType::u16, 1, {1, 8, 8})), 0).values, 0);
  EXPECT_EQ(count_non_finite(Array(DType::u16, 1, {1, 8, 8})), 0);
}

TEST(FiniteSample, AWholeArrayIsCounted) {
  Array values(DType::f64, 2, {1, 3, 4});
  values.at<double>(0, 0, 1, 2) = std::numeric_limits<double>::quiet_NaN();
  values.at<double>(1, 0, 2, 3) = std::numeric_limits<double>::infinity();
  EXPECT_EQ(count_non_finite(values), 2);
}

TEST(FiniteSample, IsToldAsAShareOfTheValues) {
  EXPECT_THAT(non_finite_note("a.tif", {.values = 1000, .non_finite = 2}),
              ::testing::StartsWith("a.tif: 0.2 % of the values are not finite"));
  EXPECT_THAT(non_finite_note("a.tif", {.values = 7, .non_finite = 7}),
              ::testing::StartsWith("a.tif: 100 %"));
  EXPECT_EQ(non_finite_note("a.tif", {.values = 7, .non_finite = 0}), "");
}

}  // namespace
}  // namespace retina::core
