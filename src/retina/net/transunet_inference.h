#pragma once

#include <optional>
#include <string>
#include <vector>

#include "retina/net/blocks/fused_group_norm.h"
#include "retina/net/network.h"
#include "retina/net/transunet_options.h"

namespace retina::net {

class TransUNet;

/// A convolution with everything that is linear at inference time folded into it.
struct FoldedConv {
  at::Tensor weight_OIYX;
  at::Tensor bias_O;  ///< undefined = none
  int stride = 1;
  int padding = 0;
  bool relu = false;

  at::Tensor operator()(const at::Tensor& x_NCYX) const;
};

/// GroupNorm with what follows it.
struct FoldedGroupNorm {
  at::Tensor weight_C;
  at::Tensor bias_C;
  FusedGroupNormOptions options;

  at::Tensor operator()(const at::Tensor& x_NCYX, const at::Tensor& shortcut_NCYX = {}) const;
};

struct FoldedBottleneck {
  FoldedConv conv1, conv2, conv3;
  FoldedGroupNorm gn1, gn2, gn3;
  std::optional<FoldedConv> downsample;
  FoldedGroupNorm gn_proj;

  at::Tensor operator()(const at::Tensor& x_NCYX) const;
};

struct FoldedLinear {
  at::Tensor weight_OI;
  at::Tensor bias_O;

  at::Tensor operator()(const at::Tensor& x) const;
};

struct FoldedTransformerBlock {
  FoldedLinear attention_norm, ffn_norm;  ///< LayerNorm scale and shift
  FoldedLinear query_key_value, out, fc1, fc2;
  int heads = 1;

  at::Tensor operator()(const at::Tensor& tokens_NTH) const;
};

/// TransUNet in eval mode with constant weights: kernels standardised once, a single input channel
/// folded into the root's kernel, BatchNorm folded into the decoder's convolutions, one matrix for
/// query, key and value, channels-last memory. Logits are float32 whatever the weights' type.
class TransUNetInference : public DenseNetwork {
 public:
  TransUNetInference(const TransUNet& network, at::Device device, at::ScalarType dtype);

  InputSpec input() const override;
  HeadSpec head() const override;
  at::Tensor forward(const at::Tensor& images_NCYX) override;
  std::shared_ptr<DenseNetwork> prepared_for_inference(at::Device device,
                                                       at::ScalarType dtype) const override;
  /// The parts of the same names as those of the network it was made from. The weights are no
  /// parameters, so nothing has their prefixes.
  std::vector<LayerGroup> layer_groups() override;

 private:
  Flow root(const Flow& flow) const;
  Flow resnet_block(Flow flow, std::size_t index) const;
  Flow patch_embeddings(Flow flow) const;
  Flow encoder(Flow flow) const;
  Flow conv_more(Flow flow) const;
  Flow decoder_block(Flow flow, std::size_t index) const;
  Flow logits(const Flow& flow) const;

  TransUNetOptions options_;
  at::Device device_;
  at::ScalarType dtype_;
  FoldedConv root_;
  FoldedGroupNorm root_norm_;
  std::vector<std::vector<FoldedBottleneck>> body_;
  FoldedConv patch_;
  at::Tensor positions_1TH_;
  std::vector<FoldedTransformerBlock> blocks_;
  FoldedLinear encoder_norm_;
  FoldedConv conv_more_;
  std::vector<std::pair<FoldedConv, FoldedConv>> decoder_;
  FoldedConv head_;
};

}  // namespace retina::net
