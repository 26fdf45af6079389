#pragma once

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

#include "retina/net/blocks/ghost_batch_norm.h"

namespace retina::net {

/// Convolution 3x3 without bias, BatchNorm (eps 1e-5, momentum 0.1), ReLU; children "0" and "1" as
/// in the Python Sequential.
class ConvNormReluImpl : public torch::nn::Module {
 public:
  ConvNormReluImpl(int in_channels, int out_channels);
  at::Tensor forward(const at::Tensor& x_NCYX);
  /// Of training.
  void set_ghost_norm(const GhostNorm& ghost) { ghost_ = ghost; }

 private:
  torch::nn::Conv2d conv_;
  torch::nn::BatchNorm2d norm_;
  GhostNorm ghost_;
};
TORCH_MODULE(ConvNormRelu);

/// Sets the groups of all ConvNormRelu of a network, and tells how many there are: a batch then
/// goes through it at once, where all other parts treat each sample alone.
int set_ghost_norm(torch::nn::Module& network, const GhostNorm& ghost);

struct DecoderBlockOptions {
  int in_channels = 512;
  int skip_channels = 0;  ///< 0 = no skip
  int out_channels = 256;
};

/// Bilinear upsampling by 2 with align_corners, then [upsampled, skip] through two ConvNormRelu.
class DecoderBlockImpl : public torch::nn::Module {
 public:
  explicit DecoderBlockImpl(const DecoderBlockOptions& options);
  /// x_NCYX at half the side of skip_NCYX; an undefined skip is none.
  at::Tensor forward(const at::Tensor& x_NCYX, const at::Tensor& skip_NCYX);

 private:
  ConvNormRelu conv1_;
  ConvNormRelu conv2_;
};
TORCH_MODULE(DecoderBlock);

}  // namespace retina::net
