#include "retina/augment/flip.h"

#include <array>

#include <gtest/gtest.h>

namespace retina::augment {
namespace {

TEST(Flip, OnlyChosenPlanesAreReversed) {
  const at::Tensor images_NYX = at::arange(12, at::kByte).view({3, 2, 2});
  const at::Tensor out_NYX = flip(images_NYX, Flips{.columns = {1, 0, 0}, .rows = {0, 1, 0}});
  EXPECT_TRUE(out_NYX[0].equal(images_NYX[0].flip(1)));
  EXPECT_TRUE(out_NYX[1].equal(images_NYX[1].flip(0)));
  EXPECT_TRUE(out_NYX[2].equal(images_NYX[2]));
}

}  // namespace
}  // namespace retina::augment
