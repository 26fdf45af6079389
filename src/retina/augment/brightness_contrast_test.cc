#include "retina/augment/brightness_contrast.h"

#include <array>

#include <gtest/gtest.h>

namespace retina::augment {
namespace {

TEST(BrightnessContrast, EachPlaneUsesItsOwnTable) {
  const at::Tensor images_NYX = at::full({2, 3, 4}, 100, at::kByte);
  const std::array<GreyTable, 2> tables{grey_table(1.0F, 20.0F), grey_table(0.5F, 0.0F)};
  const at::Tensor out_NYX = apply_grey_tables(images_NYX, tables);
  EXPECT_TRUE((out_NYX[0] == 120).all().item<bool>());
  EXPECT_TRUE((out_NYX[1] == 50).all().item<bool>());
}

TEST(BrightnessContrast, ResultIsClippedAndTruncated) {
  const GreyTable table = grey_table(1.3F, -20.0F);
  EXPECT_EQ(table[0], 0);
  EXPECT_EQ(table[255], 255);
  EXPECT_EQ(table[101], 111);  // 111.3
}

}  // namespace
}  // namespace retina::augment
