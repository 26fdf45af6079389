#include "retina/net/blocks/transformer_block.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace retina::net {
namespace {

const TransformerBlockOptions kSmallBlock{.hidden = 12, .mlp = 24, .heads = 3, .dropout = 0.5};

TEST(Attention, IsTheSoftmaxOfScaledScores) {
  Attention attention(kSmallBlock);
  attention->to(at::kDouble);
  const at::Tensor x = at::randn({2, 5, 12}, at::kDouble);
  const auto weights = attention->named_parameters();
  const auto project = [&](const std::string& name) {
    return at::linear(x, weights[name + ".weight"], weights[name + ".bias"])
        .view({2, 5, 3, 4})
        .transpose(1, 2);
  };
  const at::Tensor scores = at::matmul(project("query"), project("key").transpose(2, 3)) / 2.0;
  const at::Tensor mixed =
      at::matmul(scores.softmax(-1), project("value")).transpose(1, 2).reshape({2, 5, 12});
  const at::Tensor truth = at::linear(mixed, weights["out.weight"], weights["out.bias"]);
  EXPECT_TRUE(at::allclose(attention->forward(x), truth, 1e-10, 1e-12));
}

TEST(FeedForward, StartsWithXavierWeightsAndTinyBiases) {
  const FeedForward layer(kSmallBlock);
  const auto weights = layer->named_parameters();
  EXPECT_LE(weights["fc1.weight"].abs().max().item<double>(), std::sqrt(6.0 / 36));
  EXPECT_GT(weights["fc1.bias"].abs().max().item<double>(), 0);
  EXPECT_LT(weights["fc1.bias"].abs().max().item<double>(), 1e-5);
}

TEST(TransformerBlock, DropsOutInTrainingOnly) {
  TransformerBlock block(kSmallBlock);
  const at::Tensor x = at::randn({1, 4, 12});
  block->eval();
  EXPECT_TRUE(at::equal(block->forward(x), block->forward(x)));
  block->train();
  EXPECT_FALSE(at::equal(block->forward(x), block->forward(x)));
}

TEST(TransformerBlock, CommutesWithTheOrderOfTokens) {
  TransformerBlock block(kSmallBlock);
  block->to(at::kDouble);
  block->eval();
  const at::Tensor x = at::randn({1, 6, 12}, at::kDouble);
  EXPECT_TRUE(at::allclose(block->forward(x.flip({1})), block->forward(x).flip({1}), 1e-9, 1e-12));
}

}  // namespace
}  // namespace retina::net
