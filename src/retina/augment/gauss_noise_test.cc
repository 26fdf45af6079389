#include "retina/augment/gauss_noise.h"

#include <array>

#include <gtest/gtest.h>

namespace retina::augment {
namespace {

TEST(GaussNoise, PlaneDependsOnItsSeedAlone) {
  const std::array<std::uint64_t, 2> two{5, 6};
  const std::array<std::uint64_t, 1> one{6};
  const at::Tensor both = standard_normal(two, 9, 7, at::kCPU);
  EXPECT_TRUE(both[1].equal(standard_normal(one, 9, 7, at::kCPU)[0]));
  EXPECT_FALSE(both[0].equal(both[1]));
}

TEST(GaussNoise, MomentsAreThoseOfTheStandardNormal) {
  const std::array<std::uint64_t, 1> seed{11};
  const at::Tensor noise = standard_normal(seed, 500, 500, at::kCPU);
  EXPECT_NEAR(noise.mean().item<double>(), 0, 0.01);  // 5 standard errors
  EXPECT_NEAR(noise.std().item<double>(), 1, 0.01);
}

TEST(GaussNoise, SumIsClippedAndTruncated) {
  const at::Tensor out = add_noise(at::tensor({10, 10, 250}, at::kByte).view({1, 1, 3}),
                                   at::tensor({0.9F, -20.0F, 20.0F}).view({1, 1, 3}));
  EXPECT_TRUE(out.flatten().equal(at::tensor({10, 0, 255}, at::kByte)));
}

}  // namespace
}  // namespace retina::augment
