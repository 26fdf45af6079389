#include "retina/net/blocks/transformer_block.h"

#include <ATen/ATen.h>
#include <torch/nn/init.h>

namespace retina::net {

torch::nn::LayerNorm make_layer_norm(int hidden) {
  return torch::nn::LayerNorm(torch::nn::LayerNormOptions({hidden}).eps(1e-6));
}

AttentionImpl::AttentionImpl(const TransformerBlockOptions& options)
    : heads_(options.heads),
      query_(register_module("query", torch::nn::Linear(options.hidden, options.hidden))),
      key_(register_module("key", torch::nn::Linear(options.hidden, options.hidden))),
      value_(register_module("value", torch::nn::Linear(options.hidden, options.hidden))),
      out_(register_module("out", torch::nn::Linear(options.hidden, options.hidden))) {}

at::Tensor AttentionImpl::forward(const at::Tensor& tokens_NTH) {
  const auto by_head = [&](torch::nn::Linear& projection) {
    return projection->forward(tokens_NTH).unflatten(-1, {heads_, -1}).transpose(1, 2);
  };
  const at::Tensor mixed =
      at::scaled_dot_product_attention(by_head(query_), by_head(key_), by_head(value_));
  return out_->forward(mixed.transpose(1, 2).flatten(2));
}

FeedForwardImpl::FeedForwardImpl(const TransformerBlockOptions& options)
    : dropout_(options.dropout),
      fc1_(register_module("fc1", torch::nn::Linear(options.hidden, options.mlp))),
      fc2_(register_module("fc2", torch::nn::Linear(options.mlp, options.hidden))) {
  for (const torch::nn::Linear& layer : {fc1_, fc2_}) {
    torch::nn::init::xavier_uniform_(layer->weight);
    torch::nn::init::normal_(layer->bias, 0, 1e-6);
  }
}

at::Tensor FeedForwardImpl::forward(const at::Tensor& tokens_NTH) {
  const at::Tensor inner =
      at::dropout(at::gelu(fc1_->forward(tokens_NTH)), dropout_, is_training());
  return at::dropout(fc2_->forward(inner), dropout_, is_training());
}

TransformerBlockImpl::TransformerBlockImpl(const TransformerBlockOptions& options)
    : attention_norm_(register_module("attention_norm", make_layer_norm(options.hidden))),
      ffn_norm_(register_module("ffn_norm", make_layer_norm(options.hidden))),
      ffn_(register_module("ffn", FeedForward(options))),
      attn_(register_module("attn", Attention(options))) {}

at::Tensor TransformerBlockImpl::forward(const at::Tensor& tokens_NTH) {
  const at::Tensor x = tokens_NTH + attn_->forward(attention_norm_->forward(tokens_NTH));
  return x + ffn_->forward(ffn_norm_->forward(x));
}

}  // namespace retina::net
