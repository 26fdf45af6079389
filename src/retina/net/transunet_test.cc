#include "retina/net/transunet.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/net/blocks/decoder_block.h"
#include "retina/net/weights.h"

namespace retina::net {
namespace {

TransUNetOptions narrow_options() {
  return {.window = 64,
          .classes = 2,
          .hidden = 24,
          .mlp = 48,
          .heads = 3,
          .layers = 1,
          .resnet_units = {1, 1, 1},
          .width_factor = 0.5,
          .decoder_head_channels = 32,
          .decoder_channels = {16, 16, 16, 8}};
}

TEST(TransUNet, SameSeedSameWeights) {
  at::manual_seed(5);
  const auto first = state_dict(TransUNet(narrow_options()));
  at::manual_seed(5);
  const auto second = state_dict(TransUNet(narrow_options()));
  for (std::size_t i = 0; i < first.tensors.size(); ++i) {
    EXPECT_TRUE(at::equal(first.tensors[i].second, second.tensors[i].second));
  }
}

TEST(TransUNet, RefusesAnotherWindow) {
  TransUNet network(narrow_options());
  EXPECT_THROW(network.forward(at::zeros({1, 1, 80, 80})), Error);
  EXPECT_THROW(network.forward(at::zeros({1, 3, 64, 64})), Error);
}

TEST(TransUNet, PixelStrideWorksOnMeansAndAnswersAtFullSize) {
  at::manual_seed(5);
  TransUNetOptions options = narrow_options();
  TransUNet full(options);
  options.pixel_stride = 2;
  options.window *= 2;
  TransUNet halved(options);
  load_state_dict(halved, state_dict(full), "full");
  full.eval();
  halved.eval();
  const at::Tensor small = at::randn({1, 1, 64, 64});
  const at::Tensor logits = halved.forward(at::upsample_nearest2d(small, {128, 128}));
  EXPECT_EQ(logits.size(3), 128);
  EXPECT_TRUE(at::allclose(logits, at::upsample_bilinear2d(full.forward(small), {128, 128}, false),
                           1e-4, 1e-5));
}

/// Groups of two samples at once, each with its own BatchNorm statistics, against one group after
/// the other.
TEST(TransUNet, GhostGroupsAtOnceEqualThemOneByOne) {
  TransUNetOptions options = narrow_options();
  options.dropout = 0;
  at::manual_seed(5);
  TransUNet at_once(options);
  TransUNet one_by_one(options);
  load_state_dict(one_by_one, state_dict(at_once), "at_once");
  const at::Tensor images = at::randn({4, 1, 64, 64});
  const at::Tensor targets = at::randn({4, 2, 64, 64});
  EXPECT_EQ(set_ghost_norm(at_once, {.group = 2}), 9);
  at::mse_loss(at_once.forward(images), targets).backward();
  for (const std::int64_t first : {0, 2}) {
    const at::Tensor output = one_by_one.forward(images.narrow(0, first, 2));
    (at::mse_loss(output, targets.narrow(0, first, 2)) / 2).backward();
    if (first == 0) {  // whose running statistics are kept
      for (const auto& buffer : one_by_one.named_buffers()) {
        EXPECT_TRUE(at_once.named_buffers()[buffer.key()].allclose(buffer.value(), 1e-4, 1e-5))
            << buffer.key();
      }
    }
  }
  for (const auto& parameter : one_by_one.named_parameters()) {
    const at::Tensor truth = parameter.value().grad();
    const at::Tensor found = at_once.named_parameters()[parameter.key()].grad();
    EXPECT_LT((found - truth).norm().item<double>(), 1e-4 * truth.norm().item<double>() + 1e-6)
        << parameter.key();
  }
}

TEST(TransUNet, PriorIsWhatAnUntrainedHeadPredicts) {
  TransUNetOptions options = narrow_options();
  options.foreground_prior = 0.1;
  options.classes = 1;
  EXPECT_NEAR(state_dict(TransUNet(options)).at("segmentation_head.0.bias").item<float>(), -2.197F,
              1e-3F);
  options.classes = 3;
  const at::Tensor p =
      at::softmax(state_dict(TransUNet(options)).at("segmentation_head.0.bias"), 0);
  EXPECT_NEAR(p[0].item<float>(), 0.9F, 1e-5F);
  EXPECT_NEAR(p[1].item<float>(), 0.05F, 1e-5F);
}

TEST(TransUNet, ReconstructionTailGivesOneImage) {
  TransUNetOptions options = narrow_options();
  options.tail = TransUNetTail::reconstruction;
  TransUNet network(options);
  EXPECT_EQ(network.head().name, "reconstruction");
  EXPECT_EQ(network.head().activation, "none");
  EXPECT_EQ(network.forward(at::randn({1, 1, 64, 64})).size(1), 1);
  EXPECT_NE(state_dict(network).find("FinalDecoder.conv1.bias"), nullptr);
}

TEST(TransUNet, OneChannelEqualsThreeCopies) {
  TransUNetOptions options = narrow_options();
  TransUNet grey(options);
  options.in_channels = 3;
  TransUNet colour(options);
  load_state_dict(colour, state_dict(grey), "grey");
  grey.eval();
  colour.eval();
  const at::Tensor images = at::randn({2, 1, 64, 64});
  EXPECT_TRUE(
      at::allclose(grey.forward(images), colour.forward(images.repeat({1, 3, 1, 1})), 1e-4, 1e-5));
}

}  // namespace
}  // namespace retina::net
