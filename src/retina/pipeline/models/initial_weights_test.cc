#include "retina/pipeline/models/initial_weights.h"

#include <filesystem>
#include <iterator>
#include <memory>
#include <string_view>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/progress.h"
#include "retina/net/network.h"
#include "retina/net/weights.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/pipeline/models/weights_file.h"
#include "retina/pipeline/run/preset_recipe.h"
#include "retina/pipeline/run/provenance.h"
#include "retina/tensor/torch_file.h"
#include "retina/testing/heard.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

/// What the published fine-tuning starts from (retina.md 1.3, 3.1), at full size.
TEST(InitialWeights, ThePublishedNetworkMoves353TensorsAndFreezes194) {
  Json network = net::preset_network("retina", 1);
  InitialWeights weights;
  network["tail"] = "reconstruction";
  weights.state = net::state_dict(*net::make_network("transunet", network));
  network["tail"] = "segmentation";
  const auto target = net::make_network("transunet", network);
  const net::TransferScope scope =
      resolved_scope(FinetuneOptions{}.transfer, weights);  // as nobody says otherwise
  EXPECT_EQ(scope, net::TransferScope::transformer);

  const TransferSummary summary =
      transfer_into(*target, weights, scope, FinetuneOptions{}.frozen(scope));

  EXPECT_EQ(summary.moved.tensors, 353);
  EXPECT_EQ(summary.moved.parameters, 11'894'848 + 234'432 + 5'338'752);
  EXPECT_EQ(summary.reinitialised.tensors, 29);
  EXPECT_EQ(summary.reinitialised.parameters, 4'732'992 + 145);
  EXPECT_EQ(summary.frozen.tensors, 194);
  EXPECT_EQ(summary.frozen.parameters, 5'338'752);
  EXPECT_EQ(summary.trainable.tensors, 188);
  EXPECT_EQ(summary.trainable.parameters, 16'862'417);
}

/// The segmentation network that weights of write_pretrained() fit.
std::shared_ptr<net::DenseNetwork> network_for(const InitialWeights& weights) {
  net::TransUNetOptions base;
  base.heads = 2;  // which the file does not tell
  return net::make_network("transunet", core::options_to_json(weights.network(base)));
}

TEST(InitialWeights, NothingIsMovedWhereNoneIsAskedFor) {
  const testing::TempFolder folder;
  const InitialWeights weights = read_initial_weights(write_pretrained(folder.path()));
  const auto network = network_for(weights);
  const tensor::NamedTensors before = net::state_dict(*network);
  const net::TransferScope scope = resolved_scope(net::TransferScope::none, weights);
  EXPECT_EQ(scope, net::TransferScope::none);

  const TransferSummary summary =
      transfer_into(*network, weights, scope, FinetuneOptions{}.frozen(scope));

  EXPECT_EQ(summary.moved.tensors, 0);
  EXPECT_EQ(summary.frozen.tensors, 0);
  EXPECT_EQ(summary.reinitialised.tensors, std::ssize(network->parameters()));
  EXPECT_EQ(summary.trainable.parameters, summary.reinitialised.parameters);
  EXPECT_GT(summary.ignored.tensors, 0);
  for (const auto& [name, value] : net::state_dict(*network).tensors) {
    EXPECT_TRUE(value.equal(before.at(name))) << name;
  }
}

/// The first convolution has three channels in either network, so that it fits; it is said that
/// they see one image here.
TEST(InitialWeights, WeightsOfThreeChannelsMoveWholeAndItIsSaid) {
  const testing::TempFolder folder;
  InitialWeights weights = read_initial_weights(write_pretrained(folder.path()));
  const auto note = ::testing::Contains(::testing::HasSubstr("trained on 3 channels"));
  const auto network = network_for(weights);
  const auto moved = [&] { return transfer_into(*network, weights, net::TransferScope::all, {}); };
  EXPECT_THAT(moved().report.notes, ::testing::Not(note));

  net::tell_network(weights.state, {{"in_channels", 3}});
  EXPECT_EQ(weights.network({}).in_channels, 1);
  const TransferSummary summary = moved();

  EXPECT_THAT(summary.report.notes, note);
  EXPECT_EQ(summary.reinitialised.tensors, 2) << "the head, which that training does not use";
  const char* first = "transformer.embeddings.hybrid_model.root.conv.weight";
  EXPECT_TRUE(net::state_dict(*network).at(first).equal(weights.state.at(first)));
}

TEST(InitialWeights, AFileIsKnownByItsNameOrByHowItBegins) {
  const testing::TempFolder folder;
  const std::string named = write_pretrained(folder.path());
  EXPECT_EQ(weights_format(named), WeightsFormat::safetensors);
  const std::string unnamed = (folder / "weights.bin").string();
  std::filesystem::copy_file(named, unnamed);
  EXPECT_EQ(weights_format(unnamed), WeightsFormat::safetensors);
  tensor::write_torch_file(folder / "epoch.ckpt", tensor::read_safetensors(named));
  EXPECT_EQ(weights_format((folder / "epoch.ckpt").string()), WeightsFormat::torch);
  EXPECT_EQ(read_weights_file((folder / "epoch.ckpt").string()).tensors.size(),
            tensor::read_safetensors(named).tensors.size());
  core::write_atomically(folder / "old.bin", std::string_view("\x80\x02}q\x01."));
  EXPECT_EQ(weights_format((folder / "old.bin").string()), WeightsFormat::torch)
      << "the form of torch before 1.6, whose reader says how to convert it";
}

TEST(InitialWeights, TheJsonOfAnotherProgramBesideAFileIsNoCard) {
  const testing::TempFolder folder;
  const std::string file = (folder / "w.pth").string();
  tensor::write_torch_file(file, tensor::read_safetensors(write_pretrained(folder.path())));
  core::write_atomically(folder / "w.pth.json", std::string_view("{\"epoch\": 3}"));
  EXPECT_FALSE(read_initial_weights(file).card);
  core::write_atomically(folder / "w.pth.json",
                         std::string_view("{\"version\": 1, \"network_options\": {}}"));
  EXPECT_THROW(read_initial_weights(file), Error);
}

TEST(InitialWeights, AProvenanceOfAnotherKindTellsNoPreset) {
  InitialWeights weights;
  weights.card = model::Card{};
  weights.card->name = "mine";
  weights.card->provenance = {{"preset", 3}};
  EXPECT_FALSE(weights.preset());
  weights.card->provenance = {{"preset", "retina-tiny"}};
  EXPECT_EQ(weights.preset(), "retina-tiny");
}

/// Unless it is the usual one and they are pre-trained on: then at that of pre-training.
TEST(InitialWeights, FinetunedWeightsGoOnAtTheirWindow) {
  InitialWeights weights;
  weights.state.tensors = {{"decoder.conv_more.0.weight", at::ones({1})}};
  weights.card = model::Card{};
  const auto window_after = [&](int own, const Json& recipe) {
    weights.card->network_options = {{"window", own}};
    const Json given{{"preset", "retina-tiny"}};
    return fitted_network(weights, recipe.at("network"), given, core::silent_context())
        .at("window")
        .get<int>();
  };
  EXPECT_EQ(window_after(384, preset_recipe("retina-tiny", 1)), 384);
  EXPECT_EQ(window_after(224, preset_recipe("retina-tiny", 1)), 224);
  EXPECT_EQ(window_after(384, pretraining_recipe("retina-tiny")), 224);
  EXPECT_EQ(window_after(320, pretraining_recipe("retina-tiny")), 320);
}

/// A preset that the weights are not of tells nothing about what they do not tell.
TEST(InitialWeights, WhatABareFileDoesNotTellIsAssumedAloud) {
  const testing::TempFolder folder;
  const InitialWeights weights = read_initial_weights(write_pretrained(folder.path()));
  ASSERT_FALSE(weights.card);
  const auto heard_with = [&](const Json& network) {
    const testing::Heard heard;
    fitted_network(weights, network, Json{{"preset", "retina-tiny"}}, heard.context);
    return heard.text();
  };
  EXPECT_THAT(heard_with(preset_recipe("retina-tiny", 1).at("network")),
              ::testing::HasSubstr("network.pixel_stride"));
  net::TransUNetOptions base;
  base.heads = 2;
  Json own = core::options_to_json(weights.network(base));
  own["window"] = 224;
  EXPECT_EQ(heard_with(own), "");
}

TEST(InitialWeights, TheDigestIsThatOfTheFile) {
  const testing::TempFolder folder;
  const std::string file = write_pretrained(folder.path());
  std::filesystem::create_directories(folder / "model");
  std::filesystem::copy_file(file, folder / "model/weights.safetensors");
  core::write_atomically(folder / "model/model.json", std::string_view("{}"));
  EXPECT_EQ(weights_digest((folder / "model").string()), weights_digest(file));
  EXPECT_EQ(weights_digest(file).size(), 16U);
  EXPECT_EQ(weights_digest(""), "");
}

}  // namespace
}  // namespace retina::pipeline
