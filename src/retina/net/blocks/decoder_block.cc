#include "retina/net/blocks/decoder_block.h"

#include <ATen/ATen.h>

#include "retina/net/blocks/fused_group_norm.h"
#include "retina/net/blocks/upsample_concat.h"

namespace retina::net {

ConvNormReluImpl::ConvNormReluImpl(int in_channels, int out_channels)
    : conv_(register_module(
          "0", torch::nn::Conv2d(
                   torch::nn::Conv2dOptions(in_channels, out_channels, 3).padding(1).bias(false)))),
      norm_(register_module("1", torch::nn::BatchNorm2d(out_channels))) {}

at::Tensor ConvNormReluImpl::forward(const at::Tensor& x_NCYX) {
  const at::Tensor y_NCYX = conv_->forward(x_NCYX);
  const bool by_kernels = y_NCYX.is_cuda() && has_norm_kernels(y_NCYX);
  if (is_training() && (ghost_.group > 0 || by_kernels)) {
    return batch_norm_relu(y_NCYX, *norm_, ghost_);
  }
  return norm_->forward(y_NCYX).relu_();
}

int set_ghost_norm(torch::nn::Module& network, const GhostNorm& ghost) {
  int count = 0;
  for (const auto& module : network.modules(/*include_self=*/false)) {
    if (auto* block = module->as<ConvNormReluImpl>()) {
      block->set_ghost_norm(ghost);
      ++count;
    }
  }
  return count;
}

DecoderBlockImpl::DecoderBlockImpl(const DecoderBlockOptions& options)
    : conv1_(register_module("conv1", ConvNormRelu(options.in_channels + options.skip_channels,
                                                   options.out_channels))),
      conv2_(register_module("conv2", ConvNormRelu(options.out_channels, options.out_channels))) {}

at::Tensor DecoderBlockImpl::forward(const at::Tensor& x_NCYX, const at::Tensor& skip_NCYX) {
  return conv2_->forward(conv1_->forward(upsample_concat(x_NCYX, skip_NCYX)));
}

}  // namespace retina::net
