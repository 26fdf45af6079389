#pragma once

#include "retina/net/blocks/bottleneck.h"
#include "retina/net/transunet_options.h"

namespace retina::net {

/// Standardised convolution 7x7 with stride 2, GroupNorm (eps 1e-6), ReLU.
class ResNetRootImpl : public torch::nn::Module {
 public:
  explicit ResNetRootImpl(const TransUNetOptions& options);
  at::Tensor forward(const at::Tensor& images_NCYX);

 private:
  StdConv2d conv_;
  torch::nn::GroupNorm gn_;
};
TORCH_MODULE(ResNetRoot);

/// Bottlenecks "unit1", "unit2", ...; the first one carries the stride and changes the channels.
class ResNetBlockImpl : public torch::nn::Module {
 public:
  ResNetBlockImpl(const BottleneckOptions& first, int units);
  at::Tensor forward(const at::Tensor& x_NCYX);

 private:
  std::vector<Bottleneck> units_;
};
TORCH_MODULE(ResNetBlock);

/// The three blocks of the ResNet, children "block1" to "block3".
class ResNetBodyImpl : public torch::nn::Module {
 public:
  explicit ResNetBodyImpl(const TransUNetOptions& options);

  ResNetBlock block1{nullptr};
  ResNetBlock block2{nullptr};
  ResNetBlock block3{nullptr};
};
TORCH_MODULE(ResNetBody);

/// Features at 1/16 of the input side and the skips for the decoder, deep to shallow.
struct HybridFeatures {
  at::Tensor deep_NCYX;                ///< side / 16
  std::vector<at::Tensor> skips_NCYX;  ///< sides / 8, / 4, / 2
};

/// The convolutional part of the hybrid vision transformer (retina.md 1.1).
class HybridResNetImpl : public torch::nn::Module {
 public:
  explicit HybridResNetImpl(const TransUNetOptions& options);
  /// images_NCYX with three channels.
  HybridFeatures forward(const at::Tensor& images_NCYX);

 private:
  ResNetRoot root_;
  ResNetBody body_;
};
TORCH_MODULE(HybridResNet);

/// `x_NCYX` with zeros at the high end of both axes up to `side`; the published network pads its
/// skips, never the running tensor.
at::Tensor padded_to(const at::Tensor& x_NCYX, std::int64_t side);

}  // namespace retina::net
