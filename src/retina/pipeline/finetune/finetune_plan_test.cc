#include "retina/pipeline/finetune/finetune_plan.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/pipeline/finetune/finetune.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/pipeline/run/run_config.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

FinetuneReport run_or_plan(const Json& given) {
  const core::Context context = core::silent_context();
  return finetune(core::options_from_json<FinetuneOptions>(resolve_finetune(given, context)),
                  context);
}

/// The dry run of a training that leaves out each of three images, from a model that another run
/// has made, within 80 s.
Json leaving_out_regions(const std::filesystem::path& folder) {
  Json given = toy_run(folder);
  given["output"] = (folder / "start").string();
  given["steps"] = 1;
  run_or_plan(given);
  given.erase("steps");
  given.erase("preset");
  given["init"] = given["output"];
  given["output"] = (folder / "run").string();
  given["leave_one_region_out"] = true;
  given["max_seconds"] = 80;
  given["dry_run"] = true;
  return given;
}

void expect_no_plan(const Json& given, const std::string& message) {
  try {
    run_or_plan(given);
    FAIL() << "planned";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr(message));
  }
}

TEST(FinetunePlan, CountsTheTrainingsThatLeaveOutARegion) {
  const testing::TempFolder folder;
  Json given = leaving_out_regions(folder.path());
  const FinetuneReport report = run_or_plan(given);
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
  const Json plan = to_json(report);
  EXPECT_EQ(plan.at("trainings"), 4);
  EXPECT_EQ(plan.at("max_seconds"), 80);
  EXPECT_THAT(
      to_text(report),
      ::testing::HasSubstr("3 to leave out: 4 trainings, at most 20 s each and 80 s in all\n"));
  given["leave_one_region_out"] = false;
  EXPECT_EQ(to_json(run_or_plan(given)).at("trainings"), 1);
}

TEST(FinetunePlan, RefusesWhatLeavingOutRegionsWouldRefuse) {
  const testing::TempFolder folder;
  const Json good = leaving_out_regions(folder.path());
  Json given = good;
  given["data"]["slices"] = "0:1";
  expect_no_plan(given, "one labelled region");
  given = good;
  given["classes"] = {"circle"};
  expect_no_plan(given, "classes square");
}

}  // namespace
}  // namespace retina::pipeline
