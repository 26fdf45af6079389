#pragma once

#include <torch/nn/modules/linear.h>
#include <torch/nn/modules/normalization.h>

namespace retina::net {

struct TransformerBlockOptions {
  int hidden = 192;
  int mlp = 768;
  int heads = 12;
  double dropout = 0.1;
};

/// Multi-head self-attention with biased projections and no dropout. tokens_NTH -> tokens_NTH.
class AttentionImpl : public torch::nn::Module {
 public:
  explicit AttentionImpl(const TransformerBlockOptions& options);
  at::Tensor forward(const at::Tensor& tokens_NTH);

 private:
  int heads_;
  torch::nn::Linear query_;
  torch::nn::Linear key_;
  torch::nn::Linear value_;
  torch::nn::Linear out_;
};
TORCH_MODULE(Attention);

/// Linear, exact GELU, dropout, Linear, dropout. tokens_NTH -> tokens_NTH.
class FeedForwardImpl : public torch::nn::Module {
 public:
  explicit FeedForwardImpl(const TransformerBlockOptions& options);
  at::Tensor forward(const at::Tensor& tokens_NTH);

 private:
  double dropout_;
  torch::nn::Linear fc1_;
  torch::nn::Linear fc2_;
};
TORCH_MODULE(FeedForward);

/// Pre-norm transformer block, LayerNorm eps 1e-6 (retina.md 1.2). tokens_NTH -> tokens_NTH.
class TransformerBlockImpl : public torch::nn::Module {
 public:
  explicit TransformerBlockImpl(const TransformerBlockOptions& options);
  at::Tensor forward(const at::Tensor& tokens_NTH);

 private:
  torch::nn::LayerNorm attention_norm_;
  torch::nn::LayerNorm ffn_norm_;
  FeedForward ffn_;
  Attention attn_;
};
TORCH_MODULE(TransformerBlock);

/// LayerNorm over the last axis with the published eps.
torch::nn::LayerNorm make_layer_norm(int hidden);

}  // namespace retina::net
