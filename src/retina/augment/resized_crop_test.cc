#include "retina/augment/resized_crop.h"

#include <array>

#include <gtest/gtest.h>

namespace retina::augment {
namespace {

TEST(ResizedCrop, CropOfTheTargetSizeIsCut) {
  const at::Tensor plane_YX = at::arange(100, at::kByte).view({10, 10});
  const at::Tensor out =
      resized_crop(plane_YX, {.y = 2, .x = 3, .height = 4, .width = 4}, 4, Interpolation::bilinear);
  EXPECT_TRUE(out.equal(plane_YX.slice(0, 2, 6).slice(1, 3, 7)));
}

TEST(ResizedCrop, RampStaysARamp) {
  const at::Tensor plane_YX =
      (at::arange(8, at::kInt) * 16).to(at::kByte).unsqueeze(0).expand({8, 8});
  const at::Tensor out = resized_crop(plane_YX, {.y = 0, .x = 0, .height = 8, .width = 8}, 16,
                                      Interpolation::bilinear);
  EXPECT_EQ(out[3][4].item<int>(), 28);  // centre of output pixel 4 lies at 1.75
  EXPECT_EQ(out[0][0].item<int>(), 0);
  EXPECT_EQ(out[15][15].item<int>(), 112);
}

TEST(ResizedCrop, NearestTakesOnlyValuesThatOccur) {
  const at::Tensor plane_YX = at::tensor({0, 9, 0, 9}, at::kByte).view({2, 2});
  const at::Tensor out =
      resized_crop(plane_YX, {.y = 0, .x = 0, .height = 2, .width = 2}, 5, Interpolation::nearest);
  EXPECT_TRUE(((out == 0) | (out == 9)).all().item<bool>());
}

}  // namespace
}  // namespace retina::augment
