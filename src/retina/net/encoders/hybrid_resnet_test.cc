#include "retina/net/encoders/hybrid_resnet.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace retina::net {
namespace {

TransUNetOptions two_unit_options() {
  TransUNetOptions options;
  options.window = 64;
  options.resnet_units = {1, 2, 1};
  options.width_factor = 0.5;
  return options;
}

TEST(HybridResNet, GivesOneSixteenthAndThreeSkips) {
  HybridResNet resnet(two_unit_options());
  const HybridFeatures features = resnet->forward(at::randn({1, 3, 64, 64}));
  EXPECT_EQ(features.deep_NCYX.sizes().vec(), (std::vector<std::int64_t>{1, 512, 4, 4}));
  ASSERT_EQ(features.skips_NCYX.size(), 3U);
  EXPECT_EQ(features.skips_NCYX[0].sizes().vec(), (std::vector<std::int64_t>{1, 256, 8, 8}));
  EXPECT_EQ(features.skips_NCYX[1].sizes().vec(), (std::vector<std::int64_t>{1, 128, 16, 16}));
  EXPECT_EQ(features.skips_NCYX[2].sizes().vec(), (std::vector<std::int64_t>{1, 32, 32, 32}));
}

TEST(HybridResNet, PadsTheSecondSkipAtTheHighEnd) {
  HybridResNet resnet(two_unit_options());
  const at::Tensor skip = resnet->forward(at::randn({1, 3, 64, 64})).skips_NCYX[1];
  EXPECT_EQ(skip.select(2, 15).abs().max().item<float>(), 0);
  EXPECT_EQ(skip.select(3, 15).abs().max().item<float>(), 0);
  EXPECT_GT(skip.select(2, 14).abs().max().item<float>(), 0);
}

TEST(HybridResNet, AnyMultipleOfSixteenFits) {
  HybridResNet resnet(two_unit_options());
  for (const int side : {32, 80, 112}) {
    const HybridFeatures features = resnet->forward(at::randn({1, 3, side, side}));
    EXPECT_EQ(features.deep_NCYX.size(2), side / 16);
    EXPECT_EQ(features.skips_NCYX[0].size(2), side / 8);
  }
}

TEST(PaddedTo, LeavesAFittingMapAlone) {
  const at::Tensor x = at::randn({1, 2, 4, 4});
  EXPECT_TRUE(padded_to(x, 4).is_same(x));
}

}  // namespace
}  // namespace retina::net
