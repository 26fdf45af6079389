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

at::Tensor normalised(const at::Tensor& x_NCYX, const torch::nn::GroupNorm& norm,
                      const at::Tensor& shortcut_NCYX, NormActivation activation) {
  return fused_group_norm(x_NCYX, norm->weight, norm->bias, shortcut_NCYX,
                          {.groups = static_cast<int>(norm->options.num_groups()),
                           .eps = norm->options.eps(),
                           .activation = activation});
}

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
      downsample_.is_empty()
          ? x_NCYX
          : normalised(downsample_->forward(x_NCYX), gn_proj_, {}, NormActivation::none);
  at::Tensor y = normalised(conv1_->forward(x_NCYX), gn1_, {}, NormActivation::relu);
  y = normalised(conv2_->forward(y), gn2_, {}, NormActivation::relu);
  return normalised(conv3_->forward(y), gn3_, shortcut, NormActivation::relu);
}

}  // namespace retina::net
