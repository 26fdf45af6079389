#include "retina/net/transfer.h"

#include <limits>
#include <map>
#include <string>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/net/toy_for_test.h"
#include "retina/net/transunet.h"
#include "retina/net/weights.h"
#include "retina/testing/bad_data.h"

namespace retina::net {
namespace {

using ::testing::HasSubstr;

TransUNetOptions transfer_toy(TransUNetTail tail, int classes) {
  TransUNetOptions options = toy_transunet();
  options.classes = classes;
  options.tail = tail;
  return options;
}

std::map<Fate, int> fates(const TransferReport& report) {
  std::map<Fate, int> counts;
  for (const TransferredTensor& tensor : report.tensors) {
    ++counts[tensor.fate];
  }
  return counts;
}

std::int64_t parameters_of(const TransferReport& report, Fate fate) {
  std::int64_t sum = 0;
  for (const TransferredTensor& tensor : report.tensors) {
    sum += tensor.fate == fate ? tensor.parameters : 0;
  }
  return sum;
}

TEST(Transfer, MovesWhatThePublishedCodeMoves) {  // retina.md 1.3, 3.1
  TransUNetOptions options;
  options.tail = TransUNetTail::reconstruction;
  const tensor::NamedTensors pretrained = state_dict(TransUNet(options));
  EXPECT_EQ(pretrained.tensors.size(), 411U);
  TransUNet network(TransUNetOptions{});

  const TransferReport report =
      transfer_weights(network, pretrained, TransferScope::transformer, "pretrained");

  EXPECT_EQ(
      fates(report),
      (std::map<Fate, int>{{Fate::moved, 353}, {Fate::reinitialised, 29}, {Fate::ignored, 31}}));
  EXPECT_EQ(parameters_of(report, Fate::moved), 11'894'848 + 234'432 + 5'338'752);
  EXPECT_EQ(parameters_of(report, Fate::reinitialised), 4'732'992 + 145);
  int encoder = 0;
  for (const auto& item : network.named_parameters()) {
    const bool moved = item.key().starts_with("transformer.");
    encoder += item.key().starts_with("transformer.encoder") ? 1 : 0;
    if (moved) {
      EXPECT_TRUE(item.value().equal(pretrained.at(item.key()))) << item.key();
    }
  }
  EXPECT_EQ(encoder, 194);
}

TEST(Transfer, TheArticleMovesTheEncoderAlone) {
  const auto state = state_dict(TransUNet(transfer_toy(TransUNetTail::reconstruction, 1)));
  TransUNet network(transfer_toy(TransUNetTail::segmentation, 1));
  const TransferReport report =
      transfer_weights(network, state, TransferScope::encoder, "pretrained");
  for (const TransferredTensor& tensor : report.tensors) {
    if (tensor.fate == Fate::moved) {
      EXPECT_THAT(tensor.name, ::testing::StartsWith("transformer.encoder."));
    }
  }
  EXPECT_EQ(fates(report)[Fate::moved], 2 * 16 + 2);
}

TEST(Transfer, OtherClassesStartTheHeadAnewAndSaySo) {
  const auto state = state_dict(TransUNet(transfer_toy(TransUNetTail::segmentation, 3)));
  TransUNet network(transfer_toy(TransUNetTail::segmentation, 1));
  const TransferReport report = transfer_weights(network, state, TransferScope::all, "model");
  EXPECT_EQ(fates(report)[Fate::reinitialised], 2);
  ASSERT_EQ(report.notes.size(), 1U);
  EXPECT_THAT(report.notes[0], HasSubstr("head"));
  EXPECT_TRUE(network.named_buffers()["decoder.conv_more.1.running_var"].equal(
      state.at("decoder.conv_more.1.running_var")));
}

TEST(Transfer, AnotherWindowResamplesThePositions) {
  const auto state = state_dict(TransUNet(transfer_toy(TransUNetTail::segmentation, 1)));
  TransUNetOptions wider = transfer_toy(TransUNetTail::segmentation, 1);
  wider.window = 64;
  TransUNet network(wider);
  const TransferReport report = transfer_weights(network, state, TransferScope::all, "model");
  EXPECT_EQ(fates(report)[Fate::reinitialised], 0);
  EXPECT_THAT(report.notes.at(0), HasSubstr("2 x 2 to 4 x 4"));
}

TEST(Transfer, WeightsAreFittedToTheGridOfANetwork) {
  const auto state = state_dict(TransUNet(transfer_toy(TransUNetTail::segmentation, 1)));
  TransUNetOptions options = transfer_toy(TransUNetTail::segmentation, 1);
  EXPECT_EQ(fitted_to_grid(TransUNet(options), state, "model").note, "");
  options.window = 64;
  TransUNet network(options);
  const FittedState fitted = fitted_to_grid(network, state, "model");
  EXPECT_EQ(fitted.note, "model: position table resampled from 2 x 2 to 4 x 4");
  EXPECT_NO_THROW(load_state_dict(network, fitted.state, "model"));
}

TEST(Transfer, ImagenetArraysTellTheNumberOfHeads) {
  const std::string query =
      "Transformer/encoderblock_0/MultiHeadDotProductAttention_1/query/kernel";
  EXPECT_EQ(told_by_imagenet({{query, {1024, 16, 64}}}), (Json{{"heads", 16}}));
  EXPECT_EQ(told_by_imagenet({{query, {1024, 1024}}}), Json::object());
  EXPECT_EQ(told_by_imagenet({{"weight", {1024, 16, 64}}}), Json::object());
}

TEST(Transfer, WeightsOfAnotherNetworkAreListed) {
  const auto state = state_dict(TransUNet(transfer_toy(TransUNetTail::segmentation, 1)));
  TransUNetOptions other = transfer_toy(TransUNetTail::segmentation, 1);
  other.mlp = 24;
  TransUNet network(other);
  try {
    transfer_weights(network, state, TransferScope::transformer, "model");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::AllOf(HasSubstr("layer.0.ffn.fc1.weight"),
                                               HasSubstr("layer.1.ffn.fc2.weight")));
  }
}

TEST(Transfer, IntegersInTheTableOfAnotherWindowAreNamed) {
  const std::string table = "transformer.embeddings.position_embeddings";
  tensor::NamedTensors state = state_dict(TransUNet(transfer_toy(TransUNetTail::segmentation, 1)));
  for (auto& [name, tensor] : state.tensors) {
    tensor = name == table ? tensor.to(at::kChar) : tensor;
  }
  TransUNetOptions wider = transfer_toy(TransUNetTail::segmentation, 1);
  wider.window = 64;
  TransUNet network(wider);
  EXPECT_THAT(testing::bad_data_message(
                  [&] { transfer_weights(network, state, TransferScope::all, "model"); }),
              HasSubstr(table + ": int8, expected floating-point numbers"));
  EXPECT_THAT(testing::bad_data_message([&] {
                load_state_dict(network, fitted_to_grid(network, state, "model").state, "model");
              }),
              HasSubstr(table + ": int8, expected floating-point numbers"));
}

TEST(Transfer, OnlyWhatMovesMustBeFinite) {
  tensor::NamedTensors state = state_dict(TransUNet(transfer_toy(TransUNetTail::segmentation, 1)));
  for (auto& [name, tensor] : state.tensors) {
    if (name == "decoder.conv_more.0.weight") {
      tensor.fill_(std::numeric_limits<float>::quiet_NaN());
    }
  }
  TransUNet network(transfer_toy(TransUNetTail::segmentation, 1));
  EXPECT_NO_THROW(transfer_weights(network, state, TransferScope::transformer, "model"));
  EXPECT_THAT(testing::bad_data_message(
                  [&] { transfer_weights(network, state, TransferScope::all, "model"); }),
              ::testing::ContainsRegex("decoder.conv_more.0.weight: .* values are not finite"));
}

TEST(Transfer, WeightsTellTheShapeOfTheirNetwork) {
  for (const TransUNetTail tail : {TransUNetTail::segmentation, TransUNetTail::reconstruction}) {
    const TransUNetOptions options =
        transfer_toy(tail, tail == TransUNetTail::segmentation ? 3 : 1);
    TransUNetOptions base;  // what weights do not tell
    base.heads = options.heads;
    base.group_norm_groups = options.group_norm_groups;
    tensor::NamedTensors state = state_dict(TransUNet(options));
    for (auto& [name, tensor] : state.tensors) {
      name = "module." + name;
    }
    EXPECT_EQ(core::options_to_json(options_of_weights(plain_names(state), base, "weights")),
              core::options_to_json(options));
  }
  EXPECT_THROW(options_of_weights({}, {}, "nothing"), Error);
}

}  // namespace
}  // namespace retina::net
