#include "retina/pipeline/run/run_config.h"

#include <filesystem>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/options.h"
#include "retina/model/model.h"
#include "retina/net/network.h"
#include "retina/net/transunet_options.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/pipeline/own_yaml.h"
#include "retina/pipeline/pretrain/pretrain_options.h"
#include "retina/pipeline/run/run_folder.h"
#include "retina/testing/bad_data.h"
#include "retina/testing/heard.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

FinetuneOptions resolved_options(const Json& given) {
  return core::options_from_json<FinetuneOptions>(resolve_finetune(given, core::silent_context()));
}

Json minimal_config() {
  return {{"images", "i"}, {"masks", "m"}, {"output", "run"}, {"preset", "retina-tiny"}};
}

TEST(RunConfig, OwnYamlReadsBack) {
  const Json config = core::options_to_json(FinetuneOptions{});
  EXPECT_EQ(parse_own_yaml(to_yaml(config), "config"), config);
}

TEST(RunConfig, ADefectNamesItsLine) {
  try {
    parse_own_yaml("steps: 10\nbatch: [1,\n", "run/config.yaml");
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("run/config.yaml: line 2"));
  }
}

TEST(RunConfig, TheUserOverridesThePreset) {
  Json given = minimal_config();
  const FinetuneOptions preset = resolved_options(given);
  given["optimizer"] = {{"learning_rate", 0.5}};
  const FinetuneOptions options = resolved_options(given);
  EXPECT_EQ(options.optimizer.learning_rate, 0.5);
  EXPECT_EQ(options.optimizer.kind, preset.optimizer.kind);
  EXPECT_EQ(preset.optimizer.kind, trainer::OptimizerKind::adamw);
}

TEST(RunConfig, LeavingOutRegionsHasATimeLimitUnlessALengthIsGiven) {
  Json given = minimal_config();
  const auto length_of = [&] {
    FinetuneOptions options;
    core::from_json_value(options, resolve_finetune(given, core::silent_context()), "");
    return std::pair(options.steps, options.max_seconds);
  };
  const auto usual = length_of();
  given["leave_one_region_out"] = true;
  EXPECT_EQ(length_of(), std::pair(std::int64_t{0}, 300.0));
  given["max_seconds"] = 0;
  EXPECT_EQ(length_of(), usual);
  given.erase("max_seconds");
  given["steps"] = 5;
  EXPECT_EQ(length_of(), std::pair(std::int64_t{5}, 0.0));
}

TEST(RunConfig, TheCropFollowsTheWindow) {
  Json given = minimal_config();
  EXPECT_EQ(resolved_options(given).augment.size, resolved_options(given).network.window);
  given["network"] = {{"window", 128}};
  EXPECT_EQ(resolved_options(given).augment.size, 128);
}

/// A model folder of a small image-restoration network, as pre-training with `preset` leaves it.
std::string write_pretrained_model(const std::filesystem::path& folder, const std::string& preset,
                                   int window) {
  model::Card card;
  card.name = "pretrained";
  Json network = toy_network();
  network["window"] = window;
  network["tail"] = "reconstruction";
  card.network_options =
      core::options_to_json(core::options_from_json<net::TransUNetOptions>(network));
  card.provenance = {{"preset", preset}};
  model::save(folder, card, *net::make_network(card.network, card.network_options));
  return folder.string();
}

/// Window and crop of a training that starts from weights.
std::pair<int, int> sizes_of(const Json& given) {
  const FinetuneOptions options = resolved_options(given);
  return {options.network.window, options.augment.size};
}

TEST(RunConfig, TheWindowOfWeightsIsKeptUnlessAnotherIsGiven) {
  const testing::TempFolder folder;
  Json given = minimal_config();
  given["preset"] = "retina";
  given["init"] = write_pretrained_model(folder / "model", "retina", 96);
  EXPECT_EQ(sizes_of(given), std::pair(96, 96));
  given["network"] = {{"window", 128}};
  EXPECT_EQ(sizes_of(given), std::pair(128, 128));
  given.erase("network");
  given["augment"] = {{"size", 160}};
  EXPECT_EQ(sizes_of(given), std::pair(160, 160));
  given["augment"]["size"] = "large";
  EXPECT_THROW(resolved_options(given), Error);
}

TEST(RunConfig, APositionTableTellsTheWindowOfABareFile) {
  const testing::TempFolder folder;
  Json given = minimal_config();
  given["preset"] = "retina";
  given["init"] = write_pretrained(folder.path());
  given["network"] = {{"heads", 2}};  // which it does not tell
  EXPECT_EQ(sizes_of(given), std::pair(64, 64));
}

/// Their recipes pre-train at 224 pixels.
TEST(RunConfig, OwnPresetsFineTuneAtAWindowOfTheirOwn) {
  const testing::TempFolder folder;
  Json given = minimal_config();
  for (const auto& [preset, window] :
       {std::pair{"retina-tiny", 384}, std::pair{"retina-small", 192}}) {
    given["preset"] = preset;
    given["init"] = write_pretrained_model(folder / preset, preset, 224);
    EXPECT_EQ(sizes_of(given), std::pair(window, window)) << preset;
    given["init"] = write_pretrained_model(folder / preset, preset, 96);
    EXPECT_EQ(sizes_of(given), std::pair(96, 96)) << preset;
  }
}

TEST(RunConfig, ATimeLimitAloneRemovesTheStepLimit) {
  Json given = minimal_config();
  given["max_seconds"] = 60;
  EXPECT_EQ(resolved_options(given).steps, 0);
  given["steps"] = 5;
  EXPECT_EQ(resolved_options(given).steps, 5);
  given.erase("steps");
  given["max_seconds"] = 0;  // no limit: the preset's steps stay
  EXPECT_GT(resolved_options(given).steps, 0);
}

TEST(RunConfig, SeveralClassesGiveOneMapMore) {
  Json given = minimal_config();
  given["classes"] = {"a", "b"};
  EXPECT_EQ(resolved_options(given).network.classes, 3);
}

TEST(RunConfig, AResumedRunKeepsItsConfiguration) {
  const testing::TempFolder folder;
  Json given = minimal_config();
  given["output"] = folder.path().string();
  given["seed"] = 7;
  core::write_atomically(
      run_config_path(folder.path()),
      std::string_view(to_yaml(resolve_finetune(given, core::silent_context()))));

  const Json resume = {{"output", folder.path().string()}, {"resume", true}, {"extend_to", 99}};
  const FinetuneOptions options = resolved_options(resume);
  EXPECT_EQ(options.seed, 7U);
  EXPECT_EQ(options.steps, 99);

  Json same = given;
  same["resume"] = true;
  same["transfer"] = "automatic";
  same["normalisation"] = {{"mean", nullptr}, {"std", nullptr}};
  same["classes"] = "foreground";  // a list of one
  EXPECT_EQ(resolved_options(same).seed, 7U);

  Json changed = resume;
  changed["batch"] = 3;
  EXPECT_THROW(resolved_options(changed), Error);
}

/// Leaves the configuration of a run in its folder.
void store_run_config(const std::filesystem::path& folder, const Json& config) {
  core::write_atomically(run_config_path(folder), std::string_view(to_yaml(config)));
}

/// What is told of a configuration that cannot be resumed with `resolve`.
std::string refusal_of_resume(Json (*resolve)(const Json&, const core::Context&),
                              const Json& given) {
  try {
    resolve(given, core::silent_context());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "accepted";
}

TEST(RunConfig, AResumedRunKeepsItsPreset) {
  const testing::TempFolder folder;
  Json given = minimal_config();
  given["output"] = folder.path().string();
  store_run_config(folder.path(), resolve_finetune(given, core::silent_context()));
  given["resume"] = true;  // the command that began it
  EXPECT_EQ(resolved_options(given).preset, "retina-tiny");
  given["preset"] = "retina-small";
  EXPECT_THAT(refusal_of_resume(resolve_finetune, given),
              ::testing::HasSubstr("preset: another value than the run's"));
}

TEST(RunConfig, ARunOfAnotherVerbIsResumedByThatVerb) {
  const testing::TempFolder folder;
  const std::string place = folder.path().string();
  const Json resume = {{"output", place}, {"resume", true}};
  store_run_config(folder.path(), core::options_to_json(PretrainOptions{}));
  EXPECT_THAT(refusal_of_resume(resolve_finetune, resume),
              ::testing::HasSubstr("retina pretrain --resume -o " + place));
  store_run_config(folder.path(), core::options_to_json(FinetuneOptions{}));
  EXPECT_THAT(refusal_of_resume(resolve_pretrain, resume),
              ::testing::HasSubstr("retina finetune --resume -o " + place));
}

TEST(RunConfig, ARunIsResumedOrOverwritten) {
  EXPECT_THAT(refusal_of_resume(resolve_finetune,
                                {{"output", "run"}, {"resume", true}, {"overwrite", true}}),
              ::testing::HasSubstr("overwrite: together with resume, expected one of them"));
}

TEST(RunConfig, ARunWhoseCheckpointsAreGoneIsWarnedOf) {
  const testing::TempFolder folder;
  Json given = minimal_config();
  given["output"] = folder.path().string();
  store_run_config(folder.path(), resolve_finetune(given, core::silent_context()));
  given["resume"] = true;
  const auto told = [&given] {
    const testing::Heard heard;
    resolve_finetune(given, heard.context);
    return heard.text();
  };
  EXPECT_EQ(told(), "") << "it had not begun";
  core::write_atomically(folder / "metrics.jsonl",
                         std::string_view("{\"step\": 7, \"wall_time\": 1.5}\n"));
  EXPECT_THAT(told(), ::testing::HasSubstr("goes to step 7: the run begins anew"));
  std::filesystem::create_directories(folder / "checkpoints/step_00000007");
  EXPECT_EQ(told(), "");
}

TEST(RunConfig, AnExtensionInVainIsRefused) {
  const testing::TempFolder folder;
  Json given = minimal_config();
  given["output"] = folder.path().string();
  given["max_seconds"] = 60;
  core::write_atomically(
      run_config_path(folder.path()),
      std::string_view(to_yaml(resolve_finetune(given, core::silent_context()))));
  std::filesystem::create_directories(folder / "checkpoints/step_00000050");
  Json longer = {{"output", folder.path().string()}, {"resume", true}, {"extend_to", 99}};
  try {
    resolved_options(longer);
    FAIL() << "time had ended it";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--max-seconds"));
  }
  longer["max_seconds"] = 0;
  EXPECT_EQ(resolved_options(longer).steps, 99);
  longer["extend_to"] = 49;
  EXPECT_THROW(resolved_options(longer), Error);
}

TEST(RunConfig, WhatIsNoTableWhereOneBelongsIsAMistakeOfTheUser) {
  const auto message = [](const Json& given) {
    try {
      resolve_finetune(core::merge(minimal_config(), given), core::silent_context());
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  using ::testing::StartsWith;
  EXPECT_THAT(message({{"network", {{"window", 112}}}, {"augment", "published"}}),
              StartsWith("augment: found \"published\""));
  EXPECT_THAT(message({{"network", 3}}), StartsWith("network: found 3"));
  EXPECT_THAT(message({{"resume", true}, {"output", 5}}), StartsWith("output: found 5"));
  EXPECT_THAT(message({{"resume", true}, {"freeze", {"none"}}, {"optimizer", "sgd"}}),
              StartsWith("optimizer: found \"sgd\""));
}

TEST(RunConfig, ANewerVersionIsRefusedByItsNumber) {
  Json given = minimal_config();
  given["version"] = 1;
  EXPECT_NO_THROW(resolved_options(given));
  given["version"] = 2;
  given["warp_drive"] = true;
  try {
    resolved_options(given);
    FAIL() << "it was read";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("version"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("the release of retina that wrote it"));
  }
}

TEST(RunConfig, AVersionOfAnyBytesIsRefused) {
  EXPECT_THAT(testing::bad_data_message(
                  [] { parse_run_config("steps: 3\nversion:\n  \xf6: 1\n", "config.yaml"); }),
              ::testing::HasSubstr("config.yaml: version"));
}

}  // namespace
}  // namespace retina::pipeline
