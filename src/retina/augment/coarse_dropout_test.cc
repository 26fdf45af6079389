#include "retina/augment/coarse_dropout.h"

#include <array>

#include <gtest/gtest.h>

namespace retina::augment {
namespace {

TEST(CoarseDropout, HolesAreBlackAndTheInputStays) {
  const at::Tensor image_YX = at::full({8, 8}, 9, at::kByte);
  const at::Tensor out_YX = coarse_dropout(image_YX, {{.y = 1, .x = 2, .height = 3, .width = 4}});
  EXPECT_EQ((out_YX == 0).sum().item<std::int64_t>(), 12);
  EXPECT_EQ(out_YX[1][2].item<int>(), 0);
  EXPECT_TRUE((image_YX == 9).all().item<bool>());
}

}  // namespace
}  // namespace retina::augment
