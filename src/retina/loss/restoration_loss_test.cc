#include "retina/loss/restoration_loss.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::loss {
namespace {

TEST(RestorationLoss, IsTheMeanSquaredDifference) {
  const at::Tensor output = at::tensor({1.0F, 2.0F, 3.0F, 4.0F}).view({1, 1, 2, 2});
  const at::Tensor target = at::tensor({1.0F, 0.0F, 3.0F, 3.0F}).view({1, 1, 2, 2});
  EXPECT_FLOAT_EQ(restoration_loss(output, target).item<float>(), 1.25F);
}

TEST(RestorationLoss, HalfPrecisionOutputsGiveAFloatLoss) {
  const at::Tensor output = at::ones({1, 1, 2, 2}, at::kBFloat16);
  EXPECT_EQ(restoration_loss(output, at::zeros({1, 1, 2, 2})).scalar_type(), at::kFloat);
}

TEST(RestorationLoss, RefusesAnotherShape) {
  EXPECT_THROW(restoration_loss(at::ones({1, 1, 2, 2}), at::ones({1, 2, 2})), Error);
}

}  // namespace
}  // namespace retina::loss
