#include "retina/pipeline/run/training_plan.h"

#include <filesystem>
#include <iterator>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/pipeline/finetune/finetune.h"
#include "retina/pipeline/pretrain/pretrain_test_data.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::int64_t entries_of(const fs::path& folder) {
  return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
}

std::int64_t bytes_of(const fs::path& folder) {
  std::int64_t bytes = 0;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    bytes += entry.is_regular_file() ? static_cast<std::int64_t>(entry.file_size()) : 0;
  }
  return bytes;
}

/// Beside the tensors a checkpoint has their names and a few figures.
void expect_about(std::int64_t planned, const fs::path& checkpoint) {
  constexpr std::int64_t kNames = 100'000;
  EXPECT_LE(planned, bytes_of(checkpoint));
  EXPECT_GT(planned + kNames, bytes_of(checkpoint));
}

TEST(TrainingPlan, APretrainingIsToldAndNothingIsWritten) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["dry_run"] = true;
  given["steps"] = 2;
  given["max_seconds"] = 1000;

  const PretrainReport report = run_pretraining(given);

  EXPECT_EQ(entries_of(folder.path()), 1) << "more than the images";
  ASSERT_TRUE(report.plan);
  const Json plan = to_json(report);
  EXPECT_EQ(plan.at("dry_run"), true);
  EXPECT_EQ(plan.at("images"), 6);
  EXPECT_EQ(plan.at("slices"), 6);
  EXPECT_EQ(plan.at("batch"), 4);
  EXPECT_EQ(plan.at("ghost_batch"), 2);
  EXPECT_EQ(plan.at("steps"), 2);
  EXPECT_EQ(plan.at("epochs"), 2);
  EXPECT_EQ(plan.at("max_seconds"), 1000);
  EXPECT_EQ(plan.at("device"), "cpu");
  EXPECT_EQ(plan.at("precision"), "fp32");
  EXPECT_TRUE(plan.at("transfer").is_null());
  EXPECT_EQ(plan.at("tensors"), plan.at("trained_tensors"));
  EXPECT_THAT(to_text(report), HasSubstr("2 steps, 2.0 epochs, at most 1000 s"));

  given["dry_run"] = false;
  run_pretraining(given);
  expect_about(report.plan->checkpoint_bytes, folder / "run/checkpoints/step_00000002");
  const Json again = to_json(run_pretraining(
      {{"output", (folder / "run").string()}, {"resume", true}, {"dry_run", true}}));
  EXPECT_EQ(again.at("resumed_step"), 2);
}

TEST(TrainingPlan, AFinetuningTellsWhatMovesAndNothingIsWritten) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["init"] = write_pretrained(folder.path());
  given["output"] = (folder / "run").string();
  given["dry_run"] = true;
  given["steps"] = 3;
  const auto plan_of = [&] {
    const core::Context context = core::silent_context();
    return finetune(core::options_from_json<FinetuneOptions>(resolve_finetune(given, context)),
                    context);
  };
  const std::int64_t before = entries_of(folder.path());

  const FinetuneReport report = plan_of();

  EXPECT_EQ(entries_of(folder.path()), before);
  ASSERT_TRUE(report.plan);
  const Json plan = to_json(report);
  EXPECT_EQ(plan.at("slices"), 3);
  EXPECT_EQ(plan.at("held_out_slices"), 1);
  EXPECT_EQ(plan.at("transfer").at("scope"), "transformer");
  const Json& counts = plan.at("transfer").at("counts");
  EXPECT_EQ(counts.at("re-initialised").at("tensors"), 29);
  EXPECT_EQ(counts.at("frozen").at("tensors"), 16 + 2);
  EXPECT_EQ(plan.at("trained_tensors").get<int>() + 18, plan.at("tensors").get<int>());
  EXPECT_EQ(counts.at("trainable").at("parameters"), plan.at("trained_parameters"));
  EXPECT_THAT(to_text(report), HasSubstr("re-initialised"));

  given["dry_run"] = false;
  plan_of();
  expect_about(report.plan->checkpoint_bytes, folder / "run/checkpoints/step_00000003");
}

TEST(TrainingPlan, RefusesABatchThatTheRanksCannotShare) {
  PretrainOptions options;
  options.batch = 10;
  EXPECT_NO_THROW(require_shared_batch(options, 5));
  EXPECT_THROW(require_shared_batch(options, 3), Error);
}

TEST(TrainingPlan, TellsTheGroupsThatTheRanksMake) {
  const auto text = [](std::int64_t batch, std::int64_t ranks, std::int64_t ghost_batch) {
    return to_text(TrainingPlan{.ranks = ranks, .batch = batch, .ghost_batch = ghost_batch});
  };
  EXPECT_THAT(text(12, 1, 0), HasSubstr(" 12\n"));
  EXPECT_THAT(text(12, 1, 16), HasSubstr(" 12\n"));
  EXPECT_THAT(text(12, 1, 4), HasSubstr("12, in groups of 4\n"));
  EXPECT_THAT(text(12, 1, 5), HasSubstr("12, in groups of 5, and one of 2\n"));
  EXPECT_THAT(text(12, 3, 0), HasSubstr("12, in groups of 4\n"));
  EXPECT_THAT(text(12, 3, 4), HasSubstr("12, in groups of 4\n"));
  EXPECT_THAT(text(12, 4, 16), HasSubstr("12, in groups of 3\n"));
  EXPECT_THAT(text(12, 2, 4), HasSubstr("12, in groups of 4, and one of 2 on each rank\n"));
}

TEST(TrainingPlan, WarnsWhereTheRanksChangeTheGroups) {
  EXPECT_EQ(changed_groups(12, 1, 5), "") << "one process: as asked for";
  EXPECT_EQ(changed_groups(12, 3, 4), "");
  EXPECT_EQ(changed_groups(12, 3, 0), "");
  EXPECT_THAT(changed_groups(12, 2, 4),
              ::testing::AllOf(HasSubstr("groups of 4, and one of 2 on each rank"),
                               HasSubstr("a multiple of 8"), HasSubstr("divides 6")));
  EXPECT_THAT(changed_groups(12, 4, 16), HasSubstr("BatchNorm sees groups of 3;"));
}

TEST(TrainingPlan, RefusesWhatTheRunWouldRefuse) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["dry_run"] = true;
  given["batch"] = 7;
  EXPECT_THROW(run_pretraining(given), Error) << "a batch of more than all patches";
  given["batch"] = 4;
  given["optimizer"] = {{"freeze", {"no such tensor"}}};
  EXPECT_THROW(run_pretraining(given), Error);
  given.erase("optimizer");
  fs::create_directories(folder / "run/of another program");
  EXPECT_THROW(run_pretraining(given), Error) << "a folder that is taken";
  given["overwrite"] = true;
  EXPECT_THROW(run_pretraining(given), Error) << "a folder that is not a run";
  EXPECT_TRUE(fs::exists(folder / "run/of another program"));
}

}  // namespace
}  // namespace retina::pipeline
