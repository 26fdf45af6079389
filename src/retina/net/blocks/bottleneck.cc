#include "retina/net/blocks/bottleneck.h"

#include <algorithm>

#include <ATen/ATen.h>

namespace retina::net {
namespace {

torch::nn::GroupNorm bottleneck_norm(int channels, int max_groups) {
  return torch::nn::GroupNorm(
      torch::nn::GroupNormOptions(std::min(max_groups, channels), channels).eps(1e-6));
}

}  // namespace

BottleneckImpl::BottleneckImpl(const BottleneckOptions& options)
    : gn1_(register_module("gn1", bottleneck_norm(options.mid_channels, options.max_groups))),
      conv1_(register_module("conv1",
                             StdConv2d(StdConv2dOptions{.in_channels = options.in_channels,
                                                        .out_channels = options.mid_channels}))),
      gn2_(register_module("gn2", bottleneck_norm(options.mid_channels, options.max_groups))),
      conv2_(
          register_module("conv2", StdConv2d(StdConv2dOptions{.in_channels = options.mid_channels,
                                                              .out_channels = options.mid_channels,
                                                              .kernel = 3,
                                                              .stride = options.stride,
                                                              .padding = 1}))),
      gn3_(register_module("gn3", bottleneck_norm(options.out_channels, options.max_groups))),
      conv3_(register_module("conv3",
                             StdConv2d(StdConv2dOptions{.in_channels = options.mid_channels,
                                                        .out_channels = options.out_channels}))) {
  if (options.stride != 1 || options.in_channels != options.out_channels) {
    downsample_ = register_module("downsample",
                                  StdConv2d(StdConv2dOptions{.in_channels = options.in_channels,
                                                             .out_channels = options.out_channels,
                                                             .stride = options.stride}));
    gn_proj_ = register_module(
        "gn_proj", torch::nn::GroupNorm(torch::nn::GroupNormOptions(
                       options.out_channels, options.out_channels)));  // eps 1e-5 by default
  }
}

at::Tensor BottleneckImpl::forward(const at::Tensor& x_NCYX) {
  const at::Tensor shortcut =
      downsample_.is_empty() ? x_NCYX : gn_proj_->forward(downsample_->forward(x_NCYX));
  at::Tensor y = at::relu(gn1_->forward(conv1_->forward(x_NCYX)));
  y = at::relu(gn2_->forward(conv2_->forward(y)));
  return at::relu(shortcut + gn3_->forward(conv3_->forward(y)));
}

}  // namespace retina::net
