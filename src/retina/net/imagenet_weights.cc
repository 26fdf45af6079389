#include "retina/net/imagenet_weights.h"

#include <cmath>
#include <cstdint>
#include <utility>

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/problem_list.h"

namespace retina::net {
namespace {

constexpr const char* kPositionArray = "Transformer/posembed_input/pos_embedding";

bool is_square(std::int64_t tokens) {
  const auto side = tokens > 0 ? std::llround(std::sqrt(static_cast<double>(tokens))) : 0;
  return side > 0 && side * side == tokens;
}

/// Takes arrays one by one and notes what does not fit.
class ImagenetMapper {
 public:
  explicit ImagenetMapper(const tensor::NamedTensors& arrays) : arrays_(arrays) {}

  void map_resnet() {
    const std::string to = "transformer.embeddings.hybrid_model.";
    kernel("conv_root/kernel", to + "root.conv.weight");
    norm("gn_root/", to + "root.gn.");
    for (int block = 1; block <= 3; ++block) {
      for (int unit = 1; has(fmt::format("block{}/unit{}/conv1/kernel", block, unit)); ++unit) {
        map_unit(fmt::format("block{}/unit{}/", block, unit),
                 fmt::format("{}body.block{}.unit{}.", to, block, unit));
      }
    }
    kernel("embedding/kernel", "transformer.embeddings.patch_embeddings.weight");
    copy("embedding/bias", "transformer.embeddings.patch_embeddings.bias");
  }

  void map_positions() {
    const at::Tensor* table_1TH = take(kPositionArray, 3);
    if (table_1TH == nullptr) {
      return;
    }
    const char* name = "transformer.embeddings.position_embeddings";
    const std::int64_t tokens = table_1TH->size(1);
    if (is_square(tokens)) {
      add(name, *table_1TH);
    } else if (is_square(tokens - 1)) {
      add(name, table_1TH->narrow(1, 1, tokens - 1));  // without the class token, the first
    } else {
      problems_.require(false, kPositionArray, fmt::format("{} tokens", tokens),
                        "a square grid of them, with or without one for the class");
    }
  }

  void map_encoder() {
    for (int i = 0; has(fmt::format("Transformer/encoderblock_{}/LayerNorm_0/scale", i)); ++i) {
      const std::string from = fmt::format("Transformer/encoderblock_{}/", i);
      const std::string to = fmt::format("transformer.encoder.layer.{}.", i);
      norm(from + "LayerNorm_0/", to + "attention_norm.");
      norm(from + "LayerNorm_2/", to + "ffn_norm.");
      linear(from + "MlpBlock_3/Dense_0/", to + "ffn.fc1.");
      linear(from + "MlpBlock_3/Dense_1/", to + "ffn.fc2.");
      for (const char* name : {"query", "key", "value"}) {
        attention(from + "MultiHeadDotProductAttention_1/" + name + "/", to + "attn." + name + ".",
                  1);
      }
      attention(from + "MultiHeadDotProductAttention_1/out/", to + "attn.out.", 0);
    }
    norm("Transformer/encoder_norm/", "transformer.encoder.encoder_norm.");
  }

  tensor::NamedTensors finish(const std::string& source) {
    throw_if_any(ErrorKind::bad_data,
                 fmt::format("'{}' is not the ImageNet-21k R50+ViT-B_16", source), problems_.take(),
                 "download R50+ViT-B_16.npz of the ImageNet-21k models");
    return std::move(out_);
  }

 private:
  bool has(const std::string& name) const { return arrays_.find(name) != nullptr; }

  const at::Tensor* take(const std::string& name, std::int64_t dimensions) {
    const at::Tensor* found = arrays_.find(name);
    if (found == nullptr || found->dim() != dimensions) {
      problems_.require(false, name,
                        found == nullptr ? "missing" : fmt::format("{} axes", found->dim()),
                        fmt::format("{} axes", dimensions));
      return nullptr;
    }
    return found;
  }

  void add(const std::string& name, const at::Tensor& value) {
    out_.tensors.emplace_back(name, value.to(at::kFloat).contiguous());
  }

  /// height, width, in, out -> out, in, height, width
  void kernel(const std::string& from, const std::string& to) {
    if (const at::Tensor* found = take(from, 4)) {
      add(to, found->permute({3, 2, 0, 1}));
    }
  }

  void copy(const std::string& from, const std::string& to) {
    if (const at::Tensor* found = arrays_.find(from)) {
      add(to, found->flatten());
    } else {
      problems_.require(false, from, "missing", "an array");
    }
  }

  void norm(const std::string& from, const std::string& to) {
    copy(from + "scale", to + "weight");
    copy(from + "bias", to + "bias");
  }

  void linear(const std::string& from, const std::string& to) {
    if (const at::Tensor* found = take(from + "kernel", 2)) {
      add(to + "weight", found->t());
    }
    copy(from + "bias", to + "bias");
  }

  /// in, heads, width (or heads, width, out) -> out, in; heads are axis number `heads`.
  void attention(const std::string& from, const std::string& to, std::int64_t heads) {
    if (const at::Tensor* found = take(from + "kernel", 3)) {
      add(to + "weight", found->flatten(heads, heads + 1).t());
    }
    copy(from + "bias", to + "bias");
  }

  void map_unit(const std::string& from, const std::string& to) {
    for (const char* i : {"1", "2", "3"}) {
      kernel(from + "conv" + i + "/kernel", to + "conv" + i + ".weight");
      norm(from + "gn" + i + "/", to + "gn" + i + ".");
    }
    if (has(from + "conv_proj/kernel")) {
      kernel(from + "conv_proj/kernel", to + "downsample.weight");
      norm(from + "gn_proj/", to + "gn_proj.");
    }
  }

  const tensor::NamedTensors& arrays_;
  tensor::NamedTensors out_;
  ProblemList problems_;
};

}  // namespace

bool is_imagenet_state(const tensor::NamedTensors& arrays) {
  return arrays.find(kPositionArray) != nullptr && arrays.find("conv_root/kernel") != nullptr;
}

tensor::NamedTensors imagenet_weights(const tensor::NamedTensors& arrays,
                                      const std::string& source) {
  ImagenetMapper mapper(arrays);
  mapper.map_resnet();
  mapper.map_positions();
  mapper.map_encoder();
  return mapper.finish(source);
}

}  // namespace retina::net
