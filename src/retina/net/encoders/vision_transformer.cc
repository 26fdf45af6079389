#include "retina/net/encoders/vision_transformer.h"

#include <ATen/ATen.h>

namespace retina::net {

EmbeddingsImpl::EmbeddingsImpl(const TransUNetOptions& options)
    : dropout_(options.dropout),
      hybrid_model_(register_module("hybrid_model", HybridResNet(options))),
      patch_embeddings_(register_module(
          "patch_embeddings", torch::nn::Conv2d(torch::nn::Conv2dOptions(
                                  std::int64_t{16} * options.root_channels(), options.hidden, 1)))),
      position_embeddings_(register_parameter(
          "position_embeddings",
          at::zeros({1, std::int64_t{options.grid()} * options.grid(), options.hidden}))) {}

EmbeddedTokens EmbeddingsImpl::forward(const at::Tensor& images_NCYX) {
  HybridFeatures features = hybrid_model_->forward(images_NCYX);
  return {.tokens_NTH = tokens(features.deep_NCYX), .skips_NCYX = std::move(features.skips_NCYX)};
}

at::Tensor EmbeddingsImpl::tokens(const at::Tensor& deep_NCYX) {
  const at::Tensor tokens_NTH = patch_embeddings_->forward(deep_NCYX).flatten(2).transpose(1, 2);
  return at::dropout(tokens_NTH + position_embeddings_, dropout_, is_training());
}

TransformerEncoderImpl::TransformerEncoderImpl(const TransUNetOptions& options)
    : layer_(register_module("layer", torch::nn::ModuleList())),
      encoder_norm_(register_module("encoder_norm", make_layer_norm(options.hidden))) {
  const TransformerBlockOptions block{.hidden = options.hidden,
                                      .mlp = options.mlp,
                                      .heads = options.heads,
                                      .dropout = options.dropout};
  for (int i = 0; i < options.layers; ++i) {
    blocks_.emplace_back(block);
    layer_->push_back(blocks_.back());
  }
}

at::Tensor TransformerEncoderImpl::forward(const at::Tensor& tokens_NTH) {
  at::Tensor x = tokens_NTH;
  for (TransformerBlock& block : blocks_) {
    x = block->forward(x);
  }
  return encoder_norm_->forward(x);
}

VisionTransformerImpl::VisionTransformerImpl(const TransUNetOptions& options)
    : embeddings_(register_module("embeddings", Embeddings(options))),
      encoder_(register_module("encoder", TransformerEncoder(options))) {}

EmbeddedTokens VisionTransformerImpl::forward(const at::Tensor& images_NCYX) {
  EmbeddedTokens embedded = embeddings_->forward(images_NCYX);
  embedded.tokens_NTH = encoder_->forward(embedded.tokens_NTH);
  return embedded;
}

}  // namespace retina::net
