#include "retina/net/imagenet_weights.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/net/toy_for_test.h"
#include "retina/net/transfer.h"
#include "retina/net/transunet.h"
#include "retina/net/weights.h"

namespace retina::net {
namespace {

/// The arrays that the mapping turns into `state`: the inverse of retina.md section 7.
tensor::NamedTensors arrays_of(const tensor::NamedTensors& state, std::int64_t heads) {
  tensor::NamedTensors arrays;
  const auto add = [&](const std::string& name, const at::Tensor& value) {
    arrays.tensors.emplace_back(name, value.contiguous());
  };
  const auto kernel = [&](const std::string& name, const std::string& from) {
    add(name, state.at(from).permute({2, 3, 1, 0}));
  };
  const auto norm = [&](const std::string& name, const std::string& from, bool wide) {
    for (const auto& [ours, theirs] : {std::pair("weight", "scale"), std::pair("bias", "bias")}) {
      const at::Tensor value = state.at(from + ours);
      add(name + theirs, wide ? value.view({1, 1, 1, -1}) : value);
    }
  };
  const std::string resnet = "transformer.embeddings.hybrid_model.";
  kernel("conv_root/kernel", resnet + "root.conv.weight");
  norm("gn_root/", resnet + "root.gn.", false);
  for (const char* unit : {"block1.unit1", "block2.unit1", "block2.unit2", "block3.unit1"}) {
    const std::string from = resnet + "body." + unit + ".";
    std::string to = unit;
    to.replace(to.find('.'), 1, "/");
    for (const char* i : {"1", "2", "3"}) {
      kernel(to + "/conv" + i + "/kernel", from + "conv" + i + ".weight");
      norm(to + "/gn" + i + "/", from + "gn" + i + ".", true);
    }
    if (state.find(from + "downsample.weight") != nullptr) {
      kernel(to + "/conv_proj/kernel", from + "downsample.weight");
      norm(to + "/gn_proj/", from + "gn_proj.", true);
    }
  }
  kernel("embedding/kernel", "transformer.embeddings.patch_embeddings.weight");
  add("embedding/bias", state.at("transformer.embeddings.patch_embeddings.bias"));
  const at::Tensor table = state.at("transformer.embeddings.position_embeddings");
  add("Transformer/posembed_input/pos_embedding",
      at::cat({at::full({1, 1, table.size(2)}, 99.0F), table}, 1));
  for (const char* i : {"0", "1"}) {
    const std::string from = std::string("transformer.encoder.layer.") + i + ".";
    const std::string to = std::string("Transformer/encoderblock_") + i + "/";
    norm(to + "LayerNorm_0/", from + "attention_norm.", false);
    norm(to + "LayerNorm_2/", from + "ffn_norm.", false);
    for (const auto& [dense, fc] : {std::pair("Dense_0", "fc1"), std::pair("Dense_1", "fc2")}) {
      add(to + "MlpBlock_3/" + dense + "/kernel", state.at(from + "ffn." + fc + ".weight").t());
      add(to + "MlpBlock_3/" + dense + "/bias", state.at(from + "ffn." + fc + ".bias"));
    }
    const std::string attention = to + "MultiHeadDotProductAttention_1/";
    for (const char* name : {"query", "key", "value"}) {
      const at::Tensor weight = state.at(from + "attn." + name + ".weight");
      add(attention + name + "/kernel", weight.t().reshape({weight.size(1), heads, -1}));
      add(attention + name + "/bias", state.at(from + "attn." + name + ".bias").view({heads, -1}));
    }
    const at::Tensor out = state.at(from + "attn.out.weight");
    add(attention + "out/kernel", out.t().reshape({heads, -1, out.size(0)}));
    add(attention + "out/bias", state.at(from + "attn.out.bias"));
  }
  norm("Transformer/encoder_norm/", "transformer.encoder.encoder_norm.", false);
  add("cls", at::zeros({1, 1, table.size(2)}));
  add("head/kernel", at::zeros({table.size(2), 5}));
  return arrays;
}

TEST(ImagenetWeights, EveryArrayFindsItsTensor) {
  TransUNet source(toy_transunet());
  const at::NoGradGuard no_grad;
  for (at::Tensor& parameter : source.parameters()) {
    parameter.normal_();
  }
  const tensor::NamedTensors state = state_dict(source);
  const tensor::NamedTensors arrays = arrays_of(state, 3);
  ASSERT_TRUE(is_imagenet_state(arrays));

  const tensor::NamedTensors mapped = imagenet_weights(arrays, "R50+ViT-B_16.npz");

  std::size_t transformer = 0;
  for (const auto& [name, tensor] : state.tensors) {
    if (name.starts_with("transformer.")) {
      ++transformer;
      EXPECT_TRUE(mapped.at(name).equal(tensor)) << name;
    }
  }
  EXPECT_EQ(mapped.tensors.size(), transformer);
}

/// The mapped position table of arrays with `table` as theirs, or the complaint about it.
std::string mapped_positions(const at::Tensor& table, at::Tensor& mapped) {
  tensor::NamedTensors arrays = arrays_of(state_dict(TransUNet(toy_transunet())), 3);
  for (auto& [name, value] : arrays.tensors) {
    if (name == "Transformer/posembed_input/pos_embedding") {
      value = table;
    }
  }
  try {
    mapped = imagenet_weights(arrays, "npz").at("transformer.embeddings.position_embeddings");
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(ImagenetWeights, OnlyAClassTokenIsDropped) {  // retina.md 7
  at::Tensor mapped;
  const at::Tensor grid_1TH = at::randn({1, 9, 12});
  EXPECT_EQ(mapped_positions(grid_1TH, mapped), "");
  EXPECT_TRUE(mapped.equal(grid_1TH)) << "a grid without one is copied";
  const at::Tensor class_11H = at::full({1, 1, 12}, 99.0F);
  EXPECT_EQ(mapped_positions(at::cat({class_11H, grid_1TH}, 1), mapped), "");
  EXPECT_TRUE(mapped.equal(grid_1TH)) << "the first of 10 is dropped";
  EXPECT_THAT(
      mapped_positions(at::randn({1, 12, 12}), mapped),
      ::testing::AllOf(::testing::HasSubstr("pos_embedding"), ::testing::HasSubstr("12 tokens")));
}

TEST(ImagenetWeights, ThePositionsAreFittedToTheGrid) {
  const tensor::NamedTensors arrays = arrays_of(state_dict(TransUNet(toy_transunet())), 3);
  TransUNetOptions wider = toy_transunet();
  wider.window = 64;
  TransUNet network(wider);
  const TransferReport report =
      transfer_weights(network, imagenet_weights(arrays, "npz"), TransferScope::transformer, "npz");
  EXPECT_EQ(report.notes.size(), 1U);
}

TEST(ImagenetWeights, MissingArraysAreAllNamed) {
  tensor::NamedTensors arrays = arrays_of(state_dict(TransUNet(toy_transunet())), 3);
  std::erase_if(arrays.tensors, [](const auto& entry) {
    return entry.first == "gn_root/scale" || entry.first == "embedding/kernel";
  });
  try {
    imagenet_weights(arrays, "R50.npz");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("gn_root/scale"),
                                               ::testing::HasSubstr("embedding/kernel")));
  }
}

}  // namespace
}  // namespace retina::net
