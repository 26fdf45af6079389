#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/json.h"
#include "retina/net/transunet.h"

namespace retina::net {

/// The output of a stage of a TransUNet, by the name that the fixtures of reduced networks give it
/// and by the path of its module ("" = none).
struct StageOutput {
  std::string name;
  std::string module;
  at::Tensor value;
};

/// A forward pass, stage by stage.
class TransUNetStages {
 public:
  explicit TransUNetStages(const TransUNet& network)
      : grid_(network.options().grid()), modules_(network.named_modules()) {}

  std::vector<StageOutput> run(const at::Tensor& images_NCYX) {
    outputs_.clear();
    const at::Tensor rgb = images_NCYX.expand({-1, 3, -1, -1});
    const HybridFeatures features = resnet(rgb);
    const at::Tensor encoded = transformer(features.deep_NCYX);
    at::Tensor x = stage<ConvNormReluImpl>("conv_more", "decoder.conv_more",
                                           encoded.transpose(1, 2).unflatten(2, {grid_, grid_}));
    for (std::size_t i = 0; modules_.contains("decoder.blocks." + std::to_string(i)); ++i) {
      const std::string index = std::to_string(i);
      const at::Tensor skip =
          i < features.skips_NCYX.size() ? features.skips_NCYX[i] : at::Tensor();
      const std::string path = "decoder.blocks." + index;
      x = keep("decoder_block" + index, path, at<DecoderBlockImpl>(path).forward(x, skip));
    }
    return outputs_;
  }

 private:
  template <class Impl>
  Impl& at(const std::string& path) const {
    return *modules_[path]->template as<Impl>();
  }

  at::Tensor keep(const std::string& name, const std::string& path, const at::Tensor& value) {
    outputs_.push_back({name, path, value});
    return value;
  }

  template <class Impl>
  at::Tensor stage(const std::string& name, const std::string& path, const at::Tensor& x) {
    return keep(name, path, at<Impl>(path).forward(x));
  }

  /// Root to deepest map, and the skips for the decoder.
  HybridFeatures resnet(const at::Tensor& rgb) {
    const std::string prefix = "transformer.embeddings.hybrid_model.";
    const auto block = [&](const std::string& name, const at::Tensor& x) {
      return stage<ResNetBlockImpl>(name, prefix + "body." + name, x);
    };
    const at::Tensor root = stage<ResNetRootImpl>("root", prefix + "root", rgb);
    const at::Tensor block1 = block("block1", at::max_pool2d(root, 3, 2));
    const at::Tensor skip = keep("skip_F1", "", padded_to(block1, rgb.size(2) / 4));
    const at::Tensor block2 = block("block2", block1);
    return {.deep_NCYX = block("block3", block2),
            .skips_NCYX = {padded_to(block2, rgb.size(2) / 8), skip, root}};
  }

  at::Tensor transformer(const at::Tensor& deep_NCYX) {
    const std::string prefix = "transformer.";
    const std::string embeddings = prefix + "embeddings";
    stage<torch::nn::Conv2dImpl>("patch_embed", embeddings + ".patch_embeddings", deep_NCYX);
    at::Tensor x = keep("embeddings", embeddings, at<EmbeddingsImpl>(embeddings).tokens(deep_NCYX));
    const auto layer = [&](int i) { return prefix + "encoder.layer." + std::to_string(i); };
    for (int i = 0; modules_.contains(layer(i)); ++i) {
      x = stage<TransformerBlockImpl>("encoder_layer" + std::to_string(i), layer(i), x);
    }
    // the norm is the encoder's last step
    return keep("encoded", prefix + "encoder",
                at<torch::nn::LayerNormImpl>(prefix + "encoder.encoder_norm").forward(x));
  }

  std::int64_t grid_;
  torch::OrderedDict<std::string, std::shared_ptr<torch::nn::Module>> modules_;
  std::vector<StageOutput> outputs_;
};

/// Compares what a fixture's config.json says of the layout and what options_of_fixture() does not
/// take from it.
inline void expect_stated_layout(const TransUNet& network, const Json& config) {
  const TransUNetOptions& options = network.options();
  EXPECT_EQ(config.at("grid"), Json::array({options.grid(), options.grid()}));
  const auto parameters = network.named_parameters();
  std::vector<std::int64_t> skips;
  for (std::size_t i = 0; i < options.decoder_channels.size(); ++i) {
    const at::Tensor& kernel =
        parameters["decoder.blocks." + std::to_string(i) + ".conv1.0.weight"];
    skips.push_back(kernel.size(1) -
                    (i == 0 ? options.decoder_head_channels : options.decoder_channels[i - 1]));
  }
  EXPECT_EQ(config.at("skip_channels"), Json(skips));
  if (config.contains("tokens")) {
    EXPECT_EQ(parameters["transformer.embeddings.position_embeddings"].size(1),
              config.at("tokens"));
    EXPECT_EQ(std::count_if(skips.begin(), skips.end(), [](auto c) { return c > 0; }),
              config.at("n_skip"));
    EXPECT_EQ(options.in_channels, config.at("in_channels_stored"));
  }
}

/// Numbers in all parameters.
inline std::int64_t parameter_count(const torch::nn::Module& network) {
  std::int64_t count = 0;
  for (const at::Tensor& parameter : network.parameters()) {
    count += parameter.numel();
  }
  return count;
}

}  // namespace retina::net
