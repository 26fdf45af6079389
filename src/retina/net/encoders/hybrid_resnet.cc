#include "retina/net/encoders/hybrid_resnet.h"

#include <ATen/ATen.h>

namespace retina::net {

ResNetRootImpl::ResNetRootImpl(const TransUNetOptions& options)
    : conv_(register_module("conv",
                            StdConv2d(StdConv2dOptions{.in_channels = 3,
                                                       .out_channels = options.root_channels(),
                                                       .kernel = 7,
                                                       .stride = 2,
                                                       .padding = 3}))),
      gn_(register_module("gn", torch::nn::GroupNorm(torch::nn::GroupNormOptions(
                                                         options.groups(options.root_channels()),
                                                         options.root_channels())
                                                         .eps(1e-6)))) {}

at::Tensor ResNetRootImpl::forward(const at::Tensor& images_NCYX) {
  return normalised(conv_->forward(images_NCYX), gn_, {}, NormActivation::relu);
}

ResNetBlockImpl::ResNetBlockImpl(const BottleneckOptions& first, int units) {
  BottleneckOptions options = first;
  for (int unit = 1; unit <= units; ++unit) {
    units_.push_back(register_module("unit" + std::to_string(unit), Bottleneck(options)));
    options.in_channels = options.out_channels;
    options.stride = 1;
  }
}

at::Tensor ResNetBlockImpl::forward(const at::Tensor& x_NCYX) {
  at::Tensor y = x_NCYX;
  for (Bottleneck& unit : units_) {
    y = unit->forward(y);
  }
  return y;
}

ResNetBodyImpl::ResNetBodyImpl(const TransUNetOptions& options) {
  const int root = options.root_channels();
  const auto block = [&](int scale, int in_channels, int stride, std::size_t index) {
    const BottleneckOptions first{.in_channels = in_channels,
                                  .mid_channels = root * scale,
                                  .out_channels = 4 * root * scale,
                                  .stride = stride,
                                  .max_groups = options.group_norm_groups};
    return register_module("block" + std::to_string(index + 1),
                           ResNetBlock(first, options.resnet_units[index]));
  };
  block1 = block(1, root, 1, 0);
  block2 = block(2, 4 * root, 2, 1);
  block3 = block(4, 8 * root, 2, 2);
}

HybridResNetImpl::HybridResNetImpl(const TransUNetOptions& options)
    : root_(register_module("root", ResNetRoot(options))),
      body_(register_module("body", ResNetBody(options))) {}

HybridFeatures HybridResNetImpl::forward(const at::Tensor& images_NCYX) {
  const std::int64_t side = images_NCYX.size(2);
  const at::Tensor root = root_->forward(images_NCYX);
  // no padding: 112 -> 55 at a window of 224, and the blocks go on with 55
  const at::Tensor block1 = body_->block1->forward(at::max_pool2d(root, 3, 2));
  const at::Tensor block2 = body_->block2->forward(block1);
  return {.deep_NCYX = body_->block3->forward(block2),
          .skips_NCYX = {padded_to(block2, side / 8), padded_to(block1, side / 4), root}};
}

at::Tensor padded_to(const at::Tensor& x_NCYX, std::int64_t side) {
  if (x_NCYX.size(2) == side) {
    return x_NCYX;
  }
  return at::constant_pad_nd(x_NCYX, {0, side - x_NCYX.size(3), 0, side - x_NCYX.size(2)});
}

}  // namespace retina::net
