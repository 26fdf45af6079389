#include "retina/net/blocks/std_conv.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace retina::net {
namespace {

TEST(StdConv, StandardisedKernelsHaveMeanZeroAndVarianceOne) {
  const at::Tensor w = standardised(3 + 2 * at::randn({4, 8, 3, 3}, at::kDouble));
  EXPECT_LT(w.mean({1, 2, 3}).abs().max().item<double>(), 1e-12);
  // eps 1e-5 under the root of a variance near 4
  EXPECT_LT((w.square().mean({1, 2, 3}) - 1).abs().max().item<double>(), 1e-5);
}

TEST(StdConv, OutputDoesNotDependOnTheKernelsScaleAndOffset) {
  StdConv2d conv(StdConv2dOptions{.in_channels = 2, .out_channels = 3, .kernel = 3, .padding = 1});
  conv->to(at::kDouble);
  const at::Tensor x = at::randn({1, 2, 6, 6}, at::kDouble);
  const at::NoGradGuard no_grad;
  at::Tensor weight = conv->parameters()[0];
  weight.mul_(10);  // far above eps
  const at::Tensor before = conv->forward(x);
  weight.mul_(7).add_(5);
  EXPECT_LT((conv->forward(x) - before).abs().max().item<double>(), 1e-4);
}

TEST(StdConv, StartsWithinTheBoundOfTheFanIn) {
  const StdConv2d conv(StdConv2dOptions{.in_channels = 4, .out_channels = 64, .kernel = 3});
  const double bound = 1 / std::sqrt(36.0);
  const double greatest = conv->parameters()[0].abs().max().item<double>();
  EXPECT_LE(greatest, bound);
  EXPECT_GT(greatest, 0.95 * bound);
}

}  // namespace
}  // namespace retina::net
