#include "retina/net/transunet_inference.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "retina/net/blocks/std_conv.h"
#include "retina/net/blocks/upsample_concat.h"
#include "retina/net/decoders/cascade_decoder.h"
#include "retina/net/transunet.h"
#include "retina/net/weights.h"

namespace retina::net {
namespace {

constexpr double kLayerNormEps = 1e-6;
constexpr double kBatchNormEps = 1e-5;

at::Tensor layer_norm(const at::Tensor& x_NTH, const FoldedLinear& norm) {
  return at::layer_norm(x_NTH, {x_NTH.size(-1)}, norm.weight_OI, norm.bias_O, kLayerNormEps);
}

/// Takes the weights of a TransUNet by name and folds them.
class Folder {
 public:
  Folder(const TransUNet& network, at::Device device, at::ScalarType dtype)
      : options_(network.options()), device_(device), dtype_(dtype) {
    for (const auto& [name, tensor] : state_dict(network).tensors) {
      state_.insert(name, tensor);
    }
  }

  /// A stored tensor, float32 on the CPU.
  at::Tensor raw(const std::string& name) const { return state_[name]; }

  at::Tensor placed(const at::Tensor& tensor) const {
    const auto format =
        tensor.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
    return tensor.to(device_, dtype_).contiguous(format);
  }

  FoldedConv std_conv(const std::string& name, int stride, int padding) const {
    return {.weight_OIYX = placed(standardised(raw(name + ".weight"))),
            .bias_O = {},
            .stride = stride,
            .padding = padding};
  }

  FoldedConv root() const {
    at::Tensor weight = standardised(raw(kResNet + "root.conv.weight"));
    if (options_.in_channels == 1) {
      weight = weight.sum(1, true);  // the three input channels are equal
    }
    return {.weight_OIYX = placed(weight), .bias_O = {}, .stride = 2, .padding = 3};
  }

  FoldedGroupNorm group_norm(const std::string& name) const {
    const int channels = static_cast<int>(raw(name + ".weight").size(0));
    return {
        .weight_C = placed(raw(name + ".weight")),
        .bias_C = placed(raw(name + ".bias")),
        .options = {
            .groups = options_.groups(channels), .eps = 1e-6, .activation = NormActivation::relu}};
  }

  /// The norm of a projected shortcut: one group per channel, another eps, no ReLU.
  FoldedGroupNorm projection_norm(const std::string& name) const {
    FoldedGroupNorm norm = group_norm(name);
    norm.options = {.groups = static_cast<int>(norm.weight_C.size(0)),
                    .eps = 1e-5,
                    .activation = NormActivation::none};
    return norm;
  }

  FoldedBottleneck bottleneck(int block, int unit) const {
    const std::string name = fmt::format("{}body.block{}.unit{}.", kResNet, block, unit);
    const int stride = block > 1 && unit == 1 ? 2 : 1;
    FoldedBottleneck result{.conv1 = std_conv(name + "conv1", 1, 0),
                            .conv2 = std_conv(name + "conv2", stride, 1),
                            .conv3 = std_conv(name + "conv3", 1, 0),
                            .gn1 = group_norm(name + "gn1"),
                            .gn2 = group_norm(name + "gn2"),
                            .gn3 = group_norm(name + "gn3"),
                            .downsample = {},
                            .gn_proj = {}};
    if (state_.contains(name + "downsample.weight")) {
      result.downsample = std_conv(name + "downsample", stride, 0);
      result.gn_proj = projection_norm(name + "gn_proj");
    }
    return result;
  }

  FoldedLinear linear(const std::string& name) const {
    return {.weight_OI = placed(raw(name + ".weight")), .bias_O = placed(raw(name + ".bias"))};
  }

  FoldedTransformerBlock transformer_block(int index) const {
    const std::string name = fmt::format("transformer.encoder.layer.{}.", index);
    const auto stacked = [&](const char* what) {
      return placed(at::cat({raw(name + "attn.query." + what), raw(name + "attn.key." + what),
                             raw(name + "attn.value." + what)}));
    };
    return {.attention_norm = linear(name + "attention_norm"),
            .ffn_norm = linear(name + "ffn_norm"),
            .query_key_value = {.weight_OI = stacked("weight"), .bias_O = stacked("bias")},
            .out = linear(name + "attn.out"),
            .fc1 = linear(name + "ffn.fc1"),
            .fc2 = linear(name + "ffn.fc2"),
            .heads = options_.heads};
  }

  /// Convolution "0" with the BatchNorm "1" that follows it.
  FoldedConv conv_norm(const std::string& name) const {
    const at::Tensor scale =
        raw(name + ".1.weight") * at::rsqrt(raw(name + ".1.running_var") + kBatchNormEps);
    return {.weight_OIYX = placed(raw(name + ".0.weight") * scale.view({-1, 1, 1, 1})),
            .bias_O = placed(raw(name + ".1.bias") - raw(name + ".1.running_mean") * scale),
            .stride = 1,
            .padding = 1,
            .relu = true};
  }

  FoldedConv conv(const std::string& name, int padding) const {
    return {.weight_OIYX = placed(raw(name + ".weight")),
            .bias_O = placed(raw(name + ".bias")),
            .stride = 1,
            .padding = padding};
  }

  inline static const std::string kResNet = "transformer.embeddings.hybrid_model.";

 private:
  const TransUNetOptions& options_;
  at::Device device_;
  at::ScalarType dtype_;
  torch::OrderedDict<std::string, at::Tensor> state_;
};

}  // namespace

at::Tensor FoldedConv::operator()(const at::Tensor& x_NCYX) const {
  at::Tensor y = at::conv2d(x_NCYX, weight_OIYX, bias_O, stride, padding);
  return relu ? y.relu_() : y;
}

at::Tensor FoldedLinear::operator()(const at::Tensor& x) const {
  return at::linear(x, weight_OI, bias_O);
}

at::Tensor FoldedGroupNorm::operator()(const at::Tensor& x_NCYX,
                                       const at::Tensor& shortcut_NCYX) const {
  return fused_group_norm(x_NCYX, weight_C, bias_C, shortcut_NCYX, options);
}

at::Tensor FoldedBottleneck::operator()(const at::Tensor& x_NCYX) const {
  const at::Tensor shortcut = downsample ? gn_proj((*downsample)(x_NCYX)) : x_NCYX;
  return gn3(conv3(gn2(conv2(gn1(conv1(x_NCYX))))), shortcut);
}

at::Tensor FoldedTransformerBlock::operator()(const at::Tensor& tokens_NTH) const {
  const std::vector<at::Tensor> qkv_NATD = query_key_value(layer_norm(tokens_NTH, attention_norm))
                                               .unflatten(-1, {3, heads, -1})
                                               .permute({2, 0, 3, 1, 4})
                                               .unbind(0);
  const at::Tensor mixed = at::scaled_dot_product_attention(qkv_NATD[0], qkv_NATD[1], qkv_NATD[2]);
  const at::Tensor x = tokens_NTH + out(mixed.transpose(1, 2).flatten(2));
  return x + fc2(at::gelu(fc1(layer_norm(x, ffn_norm))));
}

TransUNetInference::TransUNetInference(const TransUNet& network, at::Device device,
                                       at::ScalarType dtype)
    : options_(network.options()), device_(device), dtype_(dtype) {
  const at::NoGradGuard no_grad;
  const Folder folder(network, device, dtype);
  root_ = folder.root();
  root_norm_ = folder.group_norm(Folder::kResNet + "root.gn");
  for (int block = 1; block <= 3; ++block) {
    auto& units = body_.emplace_back();
    for (int unit = 1; unit <= options_.resnet_units[static_cast<std::size_t>(block - 1)]; ++unit) {
      units.push_back(folder.bottleneck(block, unit));
    }
  }
  patch_ = folder.conv("transformer.embeddings.patch_embeddings", 0);
  positions_1TH_ = folder.placed(folder.raw("transformer.embeddings.position_embeddings"));
  for (int i = 0; i < options_.layers; ++i) {
    blocks_.push_back(folder.transformer_block(i));
  }
  encoder_norm_ = folder.linear("transformer.encoder.encoder_norm");
  conv_more_ = folder.conv_norm("decoder.conv_more");
  for (std::size_t i = 0; i < options_.decoder_channels.size(); ++i) {
    const std::string name = fmt::format("decoder.blocks.{}.", i);
    decoder_.emplace_back(folder.conv_norm(name + "conv1"), folder.conv_norm(name + "conv2"));
  }
  const bool restores = options_.tail == TransUNetTail::reconstruction;
  head_ = folder.conv(restores ? "FinalDecoder.conv1" : "segmentation_head.0", 1);
  eval();
}

InputSpec TransUNetInference::input() const {
  return transunet_input(options_);
}

HeadSpec TransUNetInference::head() const {
  return transunet_head(options_);
}

Flow TransUNetInference::root(const Flow& flow) const {
  const at::Tensor reduced_NCYX = reduced(flow.x.to(device_), options_.pixel_stride);
  const at::Tensor y = root_norm_(root_(reduced_NCYX.to(dtype_)));
  return {.x = y, .skips = {y}};
}

Flow TransUNetInference::resnet_block(Flow flow, std::size_t index) const {
  if (index == 0) {
    flow.x = at::max_pool2d(flow.x, 3, 2);
  }
  for (const FoldedBottleneck& unit : body_[index]) {
    flow.x = unit(flow.x);
  }
  if (index + 1 < body_.size()) {  // the deepest map goes through the transformer
    const std::int64_t side = options_.window / options_.pixel_stride;
    flow.skips.push_back(padded_to(flow.x, side / (4 << index)));
  }
  return flow;
}

Flow TransUNetInference::patch_embeddings(Flow flow) const {
  flow.x = patch_(flow.x).flatten(2).transpose(1, 2) + positions_1TH_;
  return flow;
}

Flow TransUNetInference::encoder(Flow flow) const {
  for (const FoldedTransformerBlock& block : blocks_) {
    flow.x = block(flow.x);
  }
  flow.x = layer_norm(flow.x, encoder_norm_);
  return flow;
}

Flow TransUNetInference::conv_more(Flow flow) const {
  flow.x = conv_more_(flow.x.transpose(1, 2).unflatten(2, {options_.grid(), -1}));
  return flow;
}

Flow TransUNetInference::decoder_block(Flow flow, std::size_t index) const {
  const auto& [conv1, conv2] = decoder_[index];
  flow.x =
      conv2(conv1(upsample_concat(flow.x, flow.skips.empty() ? at::Tensor() : flow.skips.back())));
  if (!flow.skips.empty()) {
    flow.skips.pop_back();
  }
  return flow;
}

Flow TransUNetInference::logits(const Flow& flow) const {
  return {.x = enlarged(head_(flow.x).to(at::kFloat).contiguous(), options_.pixel_stride)};
}

std::vector<LayerGroup> TransUNetInference::layer_groups() {
  std::vector<LayerGroup> groups;
  const auto add = [&](std::string name, std::function<Flow(Flow)> part) {
    groups.push_back({.name = std::move(name), .prefixes = {}, .forward = std::move(part)});
  };
  add("root", [this](const Flow& flow) { return root(flow); });
  for (std::size_t i = 0; i < body_.size(); ++i) {
    add(fmt::format("block{}", i + 1),
        [this, i](Flow flow) { return resnet_block(std::move(flow), i); });
  }
  add("patch_embeddings", [this](Flow flow) { return patch_embeddings(std::move(flow)); });
  add("encoder", [this](Flow flow) { return encoder(std::move(flow)); });
  add("conv_more", [this](Flow flow) { return conv_more(std::move(flow)); });
  for (std::size_t i = 0; i < decoder_.size(); ++i) {
    add(fmt::format("decoder.{}", i),
        [this, i](Flow flow) { return decoder_block(std::move(flow), i); });
  }
  add("head", [this](const Flow& flow) { return logits(flow); });
  return groups;
}

at::Tensor TransUNetInference::forward(const at::Tensor& images_NCYX) {
  check_input(images_NCYX, input());
  const c10::InferenceMode inference;
  Flow flow{.x = images_NCYX};
  for (const LayerGroup& group : layer_groups()) {
    flow = group.forward(std::move(flow));
  }
  return flow.x;
}

std::shared_ptr<DenseNetwork> TransUNetInference::prepared_for_inference(at::Device,
                                                                         at::ScalarType) const {
  throw Error(ErrorKind::internal, "TransUNetInference: prepare the trained network instead");
}

}  // namespace retina::net
