#include "retina/augment/gaussian_blur.h"

#include <array>

#include <gtest/gtest.h>

namespace retina::augment {
namespace {

TEST(GaussianBlur, ConstantPlaneStaysConstant) {
  const at::Tensor images_NYX = at::full({4, 9, 9}, 77, at::kByte);
  const std::array<int, 4> sides{1, 3, 5, 7};
  EXPECT_TRUE(gaussian_blur(images_NYX, sides).equal(images_NYX));
}

TEST(GaussianBlur, SideOneChangesNothing) {
  const at::Tensor images_NYX = at::arange(81, at::kByte).view({1, 9, 9});
  const std::array<int, 1> sides{1};
  EXPECT_TRUE(gaussian_blur(images_NYX, sides).equal(images_NYX));
}

TEST(GaussianBlur, PointSpreadsAsTheKernel) {
  at::Tensor images_NYX = at::zeros({1, 9, 9}, at::kByte);
  images_NYX[0][4][4] = 160;
  const std::array<int, 1> sides{3};
  const at::Tensor out = gaussian_blur(images_NYX, sides);
  EXPECT_EQ(out[0][4][4].item<int>(), 40);
  EXPECT_EQ(out[0][4][5].item<int>(), 20);
  EXPECT_EQ(out[0][5][5].item<int>(), 10);
}

}  // namespace
}  // namespace retina::augment
