#include "retina/pipeline/pretrain/pretrain_start.h"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/model/model.h"
#include "retina/pipeline/finetune/finetune.h"
#include "retina/pipeline/models/models.h"
#include "retina/pipeline/pretrain/pretrain_test_data.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

TEST(PretrainStart, FinetuningStartsFromIt) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "pretrained").string();
  given["steps"] = 2;
  run_pretraining(given);
  Json tuning = toy_run(folder.path());
  tuning["network"] = {{"window", 96}};  // all else is the pre-trained network's
  tuning.erase("preset");
  tuning["init"] = (folder / "pretrained").string();
  tuning["output"] = (folder / "tuned").string();
  tuning["steps"] = 2;
  const core::Context context = core::silent_context();
  finetune(core::options_from_json<FinetuneOptions>(resolve_finetune(tuning, context)), context);
  const model::Model tuned = model::load(folder / "tuned");
  EXPECT_EQ(tuned.card.name, "retina-tiny");
  EXPECT_EQ(tuned.card.network_options.at("hidden"), 16);
  EXPECT_EQ(tuned.card.provenance.at("frozen").at(0), "transformer.encoder");
  const Json counts = core::read_json(folder / "tuned/transfer.json").at("counts");
  EXPECT_EQ(counts.at("re-initialised").at("tensors"), 29);
}

/// Of a file with no more than a transformer, as ImageNet gives it.
TEST(PretrainStart, StartsFromATransformerAlone) {
  const testing::TempFolder folder;
  tensor::NamedTensors state = tensor::read_safetensors(write_pretrained(folder.path()));
  std::erase_if(state.tensors,
                [](const auto& entry) { return !entry.first.starts_with("transformer."); });
  tensor::write_safetensors(folder / "transformer.safetensors", state);
  Json given = toy_pretraining(folder.path());
  given["init"] = (folder / "transformer.safetensors").string();
  given["network"].erase("hidden");  // the weights tell it
  given["output"] = (folder / "run").string();
  given["optimizer"] = {{"learning_rate", 1e-30}};  // moves nothing
  given["steps"] = 1;
  run_pretraining(given);
  const Json transfer = core::read_json(folder / "run/transfer.json");
  EXPECT_EQ(transfer.at("scope"), "transformer");
  EXPECT_GT(transfer.at("counts").at("re-initialised").at("tensors"), 0);
  const auto found = tensor::read_safetensors(folder / "run/model/weights.safetensors");
  const char* name = "transformer.encoder.layer.0.ffn.fc1.weight";
  EXPECT_TRUE(found.at(name).equal(state.at(name)));
  EXPECT_NE(found.find("FinalDecoder.conv1.weight"), nullptr);
  EXPECT_THAT(core::read_text(folder / "run/report.html"), ::testing::HasSubstr("re-initialised"));
}

TEST(PretrainStart, StartsFromAFinetunedNetworkWithANewLastConvolution) {
  const testing::TempFolder folder;
  Json tuning = toy_run(folder.path());
  tuning["output"] = (folder / "tuned").string();
  tuning["steps"] = 1;
  const core::Context context = core::silent_context();
  finetune(core::options_from_json<FinetuneOptions>(resolve_finetune(tuning, context)), context);
  Json given = toy_pretraining(folder.path());
  given.erase("network");
  given["network"] = {{"window", 64}};
  given["init"] = (folder / "tuned").string();
  given["output"] = (folder / "run").string();
  given["steps"] = 1;
  run_pretraining(given);
  const Json transfer = core::read_json(folder / "run/transfer.json");
  EXPECT_EQ(transfer.at("scope"), "all");
  for (const Json& entry : transfer.at("tensors")) {
    const bool is_new = entry.at("name").get<std::string>().starts_with("FinalDecoder.");
    EXPECT_EQ(entry.at("fate"), is_new ? "re-initialised" : "moved") << entry.at("name");
  }
}

/// Whether they come from an imported model, from its exported file, or from a model made of that.
TEST(PretrainStart, MovesTheDecoderOfExportedAndImportedWeightsToo) {
  const testing::TempFolder folder;
  const core::Context context = core::silent_context();
  const auto run_verb = [&](const char* action, const char* path, const char* out) {
    Json options{{"action", action},
                 {"path", (folder / path).string()},
                 {"output", (folder / out).string()}};
    if (path == std::string("pretrained.safetensors")) {
      options["network"] = {{"heads", 2}};  // which it does not tell
    }
    models(core::options_from_json<ModelsOptions>(resolve_models(options, context)), context);
  };
  write_pretrained(folder.path());
  run_verb("import", "pretrained.safetensors", "first");
  run_verb("export", "first", "out.safetensors");
  run_verb("export", "first", "out.pth");
  run_verb("import", "out.safetensors", "second");
  Json given = toy_pretraining(folder.path());
  given["network"] = {{"window", 64}};
  given["steps"] = 1;
  given["overwrite"] = true;
  given["output"] = (folder / "run").string();
  for (const char* init : {"first", "out.safetensors", "out.pth", "second"}) {
    given["init"] = (folder / init).string();
    run_pretraining(given);
    const Json transfer = core::read_json(folder / "run/transfer.json");
    EXPECT_EQ(transfer.at("scope"), "all") << init;
    // the segmentation head, which that training does not use
    EXPECT_EQ(transfer.at("counts").at("re-initialised").at("tensors"), 2) << init;
  }
}

}  // namespace
}  // namespace retina::pipeline
