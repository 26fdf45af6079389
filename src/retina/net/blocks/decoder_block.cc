#include "retina/net/blocks/decoder_block.h"

#include <ATen/ATen.h>

namespace retina::net {

ConvNormReluImpl::ConvNormReluImpl(int in_channels, int out_channels)
    : conv_(register_module(
          "0", torch::nn::Conv2d(
                   torch::nn::Conv2dOptions(in_channels, out_channels, 3).padding(1).bias(false)))),
      norm_(register_module("1", torch::nn::BatchNorm2d(out_channels))) {}

at::Tensor ConvNormReluImpl::forward(const at::Tensor& x_NCYX) {
  return norm_->forward(conv_->forward(x_NCYX)).relu_();
}

DecoderBlockImpl::DecoderBlockImpl(const DecoderBlockOptions& options)
    : conv1_(register_module("conv1", ConvNormRelu(options.in_channels + options.skip_channels,
                                                   options.out_channels))),
      conv2_(register_module("conv2", ConvNormRelu(options.out_channels, options.out_channels))) {}

at::Tensor DecoderBlockImpl::forward(const at::Tensor& x_NCYX, const at::Tensor& skip_NCYX) {
  at::Tensor y = at::upsample_bilinear2d(x_NCYX, {2 * x_NCYX.size(2), 2 * x_NCYX.size(3)}, true);
  if (skip_NCYX.defined()) {
    y = at::cat({y, skip_NCYX}, 1);
  }
  return conv2_->forward(conv1_->forward(y));
}

}  // namespace retina::net
