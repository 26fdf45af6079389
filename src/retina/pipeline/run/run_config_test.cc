#include "retina/pipeline/run/run_config.h"

#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/options.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/own_yaml.h"
#include "retina/pipeline/run/run_folder.h"
#include "retina/testing/bad_data.h"
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
