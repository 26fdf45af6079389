#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "retina/net/transunet.h"

namespace retina::net {
namespace {

const std::string kEmbeddings = "transformer.embeddings.";

/// The children of a network by their names.
class Parts {
 public:
  explicit Parts(const torch::nn::Module& network) : modules_(network.named_modules("", false)) {}

  template <class Impl>
  std::shared_ptr<Impl> get(const std::string& name) const {
    return std::dynamic_pointer_cast<Impl>(modules_[name]);
  }

 private:
  torch::OrderedDict<std::string, std::shared_ptr<torch::nn::Module>> modules_;
};

LayerGroup root_group(const Parts& parts,
                      std::function<at::Tensor(const at::Tensor& images_NCYX)> prepare) {
  const std::string name = kEmbeddings + "hybrid_model.root";
  return {.name = "root",
          .prefixes = {name + "."},
          .forward = [root = parts.get<ResNetRootImpl>(name),
                      prepare = std::move(prepare)](const Flow& flow) {
            const at::Tensor y = root->forward(prepare(flow.x));
            return Flow{.x = y, .skips = {y}};
          }};
}

/// ResNet block `number`, counted from one; `side` of the network's pixels.
LayerGroup resnet_group(const Parts& parts, int number, std::int64_t side) {
  const std::string name = fmt::format("{}hybrid_model.body.block{}", kEmbeddings, number);
  return {.name = fmt::format("block{}", number),
          .prefixes = {name + "."},
          .forward = [block = parts.get<ResNetBlockImpl>(name), number, side](Flow flow) {
            flow.x = block->forward(number == 1 ? at::max_pool2d(flow.x, 3, 2) : flow.x);
            if (number < 3) {  // the deepest map goes through the transformer
              flow.skips.push_back(padded_to(flow.x, side / (2 << number)));
            }
            return flow;
          }};
}

LayerGroup patch_group(const Parts& parts) {
  return {.name = "patch_embeddings",
          .prefixes = {kEmbeddings + "patch_embeddings.", kEmbeddings + "position_embeddings"},
          .forward = [embeddings = parts.get<EmbeddingsImpl>("transformer.embeddings")](Flow flow) {
            flow.x = embeddings->tokens(flow.x);
            return flow;
          }};
}

LayerGroup encoder_group(const Parts& parts) {
  const std::string name = "transformer.encoder";
  return {.name = "encoder",
          .prefixes = {name + "."},
          .forward = [encoder = parts.get<TransformerEncoderImpl>(name)](Flow flow) {
            flow.x = encoder->forward(flow.x);
            return flow;
          }};
}

LayerGroup conv_more_group(const Parts& parts, std::int64_t grid) {
  const std::string name = "decoder.conv_more";
  return {.name = "conv_more",
          .prefixes = {name + "."},
          .forward = [conv = parts.get<ConvNormReluImpl>(name), grid](Flow flow) {
            flow.x = conv->forward(flow.x.transpose(1, 2).unflatten(2, {grid, grid}));
            return flow;
          }};
}

LayerGroup decoder_group(const Parts& parts, std::size_t index) {
  const std::string name = fmt::format("decoder.blocks.{}", index);
  return {.name = fmt::format("decoder.{}", index),
          .prefixes = {name + "."},
          .forward = [block = parts.get<DecoderBlockImpl>(name)](Flow flow) {
            if (flow.skips.empty()) {
              flow.x = block->forward(flow.x, {});
            } else {
              flow.x = block->forward(flow.x, flow.skips.back());
              flow.skips.pop_back();
            }
            return flow;
          }};
}

}  // namespace

std::vector<LayerGroup> TransUNet::layer_groups() {
  const Parts parts(*this);
  std::vector<LayerGroup> groups{
      root_group(parts, [this](const at::Tensor& images_NCYX) { return root_input(images_NCYX); })};
  for (int number = 1; number <= 3; ++number) {
    groups.push_back(resnet_group(parts, number, options_.window / options_.pixel_stride));
  }
  groups.push_back(patch_group(parts));
  groups.push_back(encoder_group(parts));
  groups.push_back(conv_more_group(parts, options_.grid()));
  for (std::size_t i = 0; i < options_.decoder_channels.size(); ++i) {
    groups.push_back(decoder_group(parts, i));
  }
  groups.push_back({.name = "head",
                    .prefixes = {"segmentation_head.", "FinalDecoder."},
                    .forward = [this](const Flow& flow) { return Flow{.x = logits(flow.x)}; }});
  return groups;
}

}  // namespace retina::net
