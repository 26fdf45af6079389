#include "retina/tensor/not_finite.h"

#include <cstdint>
#include <limits>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace retina::tensor {
namespace {

TEST(NotFinite, ValuesAreCountedWhereverTheyLie) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const at::ScalarType type : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}) {
    for (const double value : {std::numeric_limits<double>::quiet_NaN(), kInfinity, -kInfinity}) {
      for (const std::int64_t place : {0, 517, 998}) {
        const at::Tensor values = at::arange(1000, at::kFloat).to(type);
        values.slice(0, place, place + 2).fill_(value);
        EXPECT_EQ(not_finite_text(values), "2 of 1000 values are not finite")
            << type << ", " << value << " at " << place;
      }
    }
  }
}

TEST(NotFinite, NothingIsSaidOfFiniteValuesAndOfIntegers) {
  EXPECT_EQ(not_finite_text(at::arange(10, at::kFloat).to(at::kHalf)), "");
  EXPECT_EQ(not_finite_text(at::empty({0}, at::kFloat)), "");
  EXPECT_EQ(not_finite_text(at::tensor(1.5F)), "");
  EXPECT_EQ(not_finite_text(at::arange(10, at::kLong)), "");
  EXPECT_EQ(not_finite_text(at::ones({3}, at::kBool)), "");
}

}  // namespace
}  // namespace retina::tensor
