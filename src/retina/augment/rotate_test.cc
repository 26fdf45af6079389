#include "retina/augment/rotate.h"

#include <array>

#include <gtest/gtest.h>

namespace retina::augment {
namespace {

TEST(Rotate, AngleZeroChangesNothing) {
  const at::Tensor images_NYX = at::arange(120, at::kByte).view({2, 6, 10});
  const std::array<double, 2> angles{0, 0};
  EXPECT_TRUE(rotate(images_NYX, angles, Interpolation::bilinear).equal(images_NYX));
  EXPECT_TRUE(rotate(images_NYX, angles, Interpolation::nearest).equal(images_NYX));
}

TEST(Rotate, HalfTurnReversesBothAxes) {
  const at::Tensor images_NYX = at::arange(60, at::kByte).view({1, 6, 10});
  const std::array<double, 1> angles{180};
  EXPECT_TRUE(rotate(images_NYX, angles, Interpolation::bilinear).equal(images_NYX.flip({1, 2})));
}

TEST(Rotate, PlanesTurnByTheirOwnAngles) {
  const at::Tensor plane = at::arange(64, at::kByte).view({8, 8});
  const std::array<double, 2> angles{0, 90};
  const at::Tensor out = rotate(at::stack({plane, plane}), angles, Interpolation::bilinear);
  EXPECT_TRUE(out[0].equal(plane));
  EXPECT_TRUE(out[1].equal(at::rot90(plane, 1)));
}

}  // namespace
}  // namespace retina::augment
