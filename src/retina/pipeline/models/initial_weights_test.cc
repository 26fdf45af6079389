#include "retina/pipeline/models/initial_weights.h"

#include <filesystem>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/net/network.h"
#include "retina/net/weights.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/pipeline/models/weights_file.h"
#include "retina/pipeline/run/provenance.h"
#include "retina/tensor/torch_file.h"
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
