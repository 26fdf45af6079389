#include "retina/net/encoders/vision_transformer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace retina::net {
namespace {

TransUNetOptions short_transformer() {
  TransUNetOptions options;
  options.window = 64;
  options.resnet_units = {1, 1, 1};
  options.width_factor = 0.5;
  options.hidden = 12;
  options.mlp = 24;
  options.heads = 3;
  options.layers = 2;
  return options;
}

TEST(Embeddings, AddsThePositionOfEachToken) {
  Embeddings embeddings(short_transformer());
  embeddings->eval();
  const at::NoGradGuard no_grad;
  const at::Tensor images = at::randn({2, 3, 64, 64});
  const at::Tensor before = embeddings->forward(images).tokens_NTH;
  ASSERT_EQ(before.sizes().vec(), (std::vector<std::int64_t>{2, 16, 12}));
  at::Tensor table = embeddings->named_parameters()["position_embeddings"];
  EXPECT_EQ(table.abs().max().item<float>(), 0) << "the table starts at zero";
  table.copy_(at::randn_like(table));
  EXPECT_TRUE(at::allclose(embeddings->forward(images).tokens_NTH, before + table, 1e-4, 1e-5));
}

TEST(TransformerEncoder, EndsNormalised) {
  TransformerEncoder encoder(short_transformer());
  encoder->eval();
  const at::Tensor tokens = encoder->forward(5 * at::randn({2, 16, 12}) + 3);
  EXPECT_LT(tokens.mean(-1).abs().max().item<float>(), 1e-5F);
  EXPECT_EQ(encoder->named_children()["layer"]->children().size(), 2U);
}

TEST(VisionTransformer, PassesTheSkipsOn) {
  VisionTransformer transformer(short_transformer());
  EXPECT_EQ(transformer->forward(at::randn({1, 3, 64, 64})).skips_NCYX.size(), 3U);
}

}  // namespace
}  // namespace retina::net
