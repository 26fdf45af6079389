#include "retina/net/blocks/bottleneck.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace retina::net {
namespace {

TEST(Bottleneck, StrideHalvesOddSidesUpwards) {
  Bottleneck block(
      BottleneckOptions{.in_channels = 32, .mid_channels = 32, .out_channels = 64, .stride = 2});
  EXPECT_EQ(block->forward(at::randn({2, 32, 15, 15})).sizes().vec(),
            (std::vector<std::int64_t>{2, 64, 8, 8}));
}

TEST(Bottleneck, ProjectsTheShortcutOnlyWhereTheShapeChanges) {
  const Bottleneck same(
      BottleneckOptions{.in_channels = 64, .mid_channels = 16, .out_channels = 64});
  EXPECT_EQ(same->parameters().size(), 9U);
  const Bottleneck wider(
      BottleneckOptions{.in_channels = 32, .mid_channels = 16, .out_channels = 64});
  EXPECT_EQ(wider->parameters().size(), 12U);
}

TEST(Bottleneck, NormalisesEachChannelOfTheProjection) {
  Bottleneck block(BottleneckOptions{.in_channels = 32, .mid_channels = 32, .out_channels = 64});
  const at::NoGradGuard no_grad;
  block->named_parameters()["gn3.weight"].zero_();  // leaves the shortcut alone
  const at::Tensor y = block->forward(at::randn({1, 32, 8, 8}));
  const at::Tensor projected =
      block->named_modules()["gn_proj"]->as<torch::nn::GroupNormImpl>()->forward(
          block->named_modules()["downsample"]->as<StdConv2dImpl>()->forward(
              at::zeros({1, 32, 8, 8})));
  EXPECT_EQ(projected.abs().max().item<float>(), 0);
  EXPECT_GE(y.min().item<float>(), 0);
  // half of a normalised channel is positive: each of them, not only their mean over a group
  EXPECT_GT(y.mean({0, 2, 3}).min().item<float>(), 0.2F);
}

}  // namespace
}  // namespace retina::net
