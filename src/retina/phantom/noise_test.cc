#include "retina/phantom/noise.h"

#include <gtest/gtest.h>

namespace retina::phantom {
namespace {

TEST(ValueNoise, StaysWithinOneAndIsSmooth) {
  const ValueNoise noise(7, 100);
  for (int i = 0; i < 2000; ++i) {
    const Point p{-700.0F + static_cast<float>(i), 31, 5000};
    const float here = noise.at(p);
    EXPECT_LE(std::abs(here), 1.0F);
    EXPECT_LT(std::abs(here - noise.at(p + Point{1, 0, 0})), 0.05F);
  }
}

TEST(ValueNoise, DiffersBetweenKeys) {
  const Point p{10, 20, 30};
  EXPECT_NE(ValueNoise(1, 50).at(p), ValueNoise(2, 50).at(p));
}

TEST(HashedNumbers, NormalHasMeanZeroAndDeviationOne) {
  double sum = 0;
  double squares = 0;
  constexpr int kCount = 100000;
  for (int i = 0; i < kCount; ++i) {
    const double v = normal_of(bits_at(42, i));
    sum += v;
    squares += v * v;
  }
  EXPECT_NEAR(sum / kCount, 0, 0.02);  // six standard errors
  EXPECT_NEAR(squares / kCount, 1, 0.03);
}

TEST(HashedNumbers, UnitStaysBelowOne) {
  EXPECT_LT(unit_of(~0ULL), 1.0F);
  EXPECT_GE(unit_of(0), 0.0F);
}

TEST(RandomDirection, HasLengthOne) {
  core::Rng rng(3);
  for (int i = 0; i < 100; ++i) {
    EXPECT_NEAR(length(random_direction(rng)), 1.0F, 1e-5F);
  }
}

}  // namespace
}  // namespace retina::phantom
