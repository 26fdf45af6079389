#pragma once

#include <torch/nn/modules/container/modulelist.h>
#include <torch/nn/modules/conv.h>

#include "retina/net/blocks/transformer_block.h"
#include "retina/net/encoders/hybrid_resnet.h"

namespace retina::net {

struct EmbeddedTokens {
  at::Tensor tokens_NTH;               ///< token = y * grid + x
  std::vector<at::Tensor> skips_NCYX;  ///< deep to shallow
};

/// ResNet features as tokens plus learned positions, then dropout.
class EmbeddingsImpl : public torch::nn::Module {
 public:
  explicit EmbeddingsImpl(const TransUNetOptions& options);
  EmbeddedTokens forward(const at::Tensor& images_NCYX);
  /// Of the deepest features alone.
  at::Tensor tokens(const at::Tensor& deep_NCYX);

 private:
  double dropout_;
  HybridResNet hybrid_model_;
  torch::nn::Conv2d patch_embeddings_;
  at::Tensor position_embeddings_;
};
TORCH_MODULE(Embeddings);

/// Transformer blocks and the final LayerNorm. tokens_NTH -> tokens_NTH.
class TransformerEncoderImpl : public torch::nn::Module {
 public:
  explicit TransformerEncoderImpl(const TransUNetOptions& options);
  at::Tensor forward(const at::Tensor& tokens_NTH);

 private:
  std::vector<TransformerBlock> blocks_;
  torch::nn::ModuleList layer_;
  torch::nn::LayerNorm encoder_norm_;
};
TORCH_MODULE(TransformerEncoder);

/// The hybrid vision transformer: everything before the decoder, "transformer.*".
class VisionTransformerImpl : public torch::nn::Module {
 public:
  explicit VisionTransformerImpl(const TransUNetOptions& options);
  EmbeddedTokens forward(const at::Tensor& images_NCYX);

 private:
  Embeddings embeddings_;
  TransformerEncoder encoder_;
};
TORCH_MODULE(VisionTransformer);

}  // namespace retina::net
