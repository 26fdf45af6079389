#pragma once

#include <torch/nn/modules/normalization.h>

#include "retina/net/blocks/fused_group_norm.h"
#include "retina/net/blocks/std_conv.h"

namespace retina::net {

struct BottleneckOptions {
  int in_channels = 64;
  int mid_channels = 64;
  int out_channels = 256;
  int stride = 1;
  int max_groups = 32;  ///< of GroupNorm; fewer channels have one group each
};

/// 1x1, 3x3 (with the stride), 1x1 standardised convolutions, each with GroupNorm (eps 1e-6), the
/// sum with the shortcut before the last ReLU. Where the shape changes the shortcut is a 1x1
/// convolution and a GroupNorm with as many groups as channels and eps 1e-5: unlike the original
/// hybrid ViT, but that is the published network (retina.md 1.2).
class BottleneckImpl : public torch::nn::Module {
 public:
  explicit BottleneckImpl(const BottleneckOptions& options);
  at::Tensor forward(const at::Tensor& x_NCYX);

 private:
  torch::nn::GroupNorm gn1_;
  StdConv2d conv1_;
  torch::nn::GroupNorm gn2_;
  StdConv2d conv2_;
  torch::nn::GroupNorm gn3_;
  StdConv2d conv3_;
  StdConv2d downsample_{nullptr};
  torch::nn::GroupNorm gn_proj_{nullptr};
};
TORCH_MODULE(Bottleneck);

/// activation(norm(x) + shortcut); an undefined shortcut is none.
at::Tensor normalised(const at::Tensor& x_NCYX, const torch::nn::GroupNorm& norm,
                      const at::Tensor& shortcut_NCYX, NormActivation activation);

}  // namespace retina::net
