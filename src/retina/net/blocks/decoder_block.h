#pragma once

#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>

namespace retina::net {

/// Convolution 3x3 without bias, BatchNorm (eps 1e-5, momentum 0.1), ReLU; children "0" and "1" as
/// in the Python Sequential.
class ConvNormReluImpl : public torch::nn::Module {
 public:
  ConvNormReluImpl(int in_channels, int out_channels);
  at::Tensor forward(const at::Tensor& x_NCYX);

 private:
  torch::nn::Conv2d conv_;
  torch::nn::BatchNorm2d norm_;
};
TORCH_MODULE(ConvNormRelu);

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
