#pragma once

#include <torch/nn/modules/conv.h>

#include "retina/net/decoders/cascade_decoder.h"
#include "retina/net/network.h"

namespace retina::net {

/// The 2D TransUNet (hybrid ResNet, vision transformer, cascaded decoder) with the parameter names
/// of the published code. Initialised from torch's default generator: seed it before construction.
/// Extensions: windows other than 224 (the position table has (window / 16)^2 tokens), channel
/// counts that GroupNorm's 32 groups would not allow.
class TransUNet : public DenseNetwork {
 public:
  explicit TransUNet(const TransUNetOptions& options);

  const TransUNetOptions& options() const { return options_; }
  InputSpec input() const override;
  HeadSpec head() const override;
  at::Tensor forward(const at::Tensor& images_NCYX) override;
  std::shared_ptr<DenseNetwork> prepared_for_inference(at::Device device,
                                                       at::ScalarType dtype) const override;
  std::vector<LayerGroup> layer_groups() override;

  /// What both heads read: decoder output at the side of the input.
  at::Tensor features(const at::Tensor& images_NCYX);
  at::Tensor segmentation(const at::Tensor& features_NCYX);

 private:
  at::Tensor root_input(const at::Tensor& images_NCYX) const;
  at::Tensor logits(const at::Tensor& features_NCYX);

  TransUNetOptions options_;
  VisionTransformer transformer_;
  CascadeDecoder decoder_;
  torch::nn::Conv2d segmentation_conv_;
  torch::nn::Conv2d final_decoder_{nullptr};
};

/// Mean of stride x stride pixels, and logits interpolated back to them (pixel centres aligned).
at::Tensor reduced(const at::Tensor& images_NCYX, int stride);
at::Tensor enlarged(const at::Tensor& logits_NKYX, int stride);

/// Throws unless images_NCYX has the channels and the window of `spec`.
void check_input(const at::Tensor& images_NCYX, const InputSpec& spec);

InputSpec transunet_input(const TransUNetOptions& options);
HeadSpec transunet_head(const TransUNetOptions& options);

}  // namespace retina::net
