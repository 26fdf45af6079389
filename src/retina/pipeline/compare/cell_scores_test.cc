#include "retina/pipeline/compare/cell_scores.h"

#include <filesystem>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/pipeline/compare/cell_records.h"
#include "retina/pipeline/compare/compare_test_data.h"
#include "retina/testing/heard.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

TEST(CellScores, AStepWhoseScoresAreDamagedHasNone) {
  const testing::TempFolder folder;
  Json grid = one_cell_grid(folder.path());
  run_grid(grid);
  const fs::path cell = folder / "out/cells/toy/1/random/seed7";
  const fs::path step = cell / "steps/step_00000001.json";
  core::write_atomically(step, std::string_view("{"));
  fs::remove(cell / "result.json");
  const testing::Heard heard;
  const CompareReport report = run_grid(grid, heard.context);
  EXPECT_EQ(report.scored, 1);
  EXPECT_TRUE(report.results["runs"][0]["curve"][0].value("scores", Json::object()).empty());
  EXPECT_THAT(heard.text(), HasSubstr(step.string()));
}

TEST(CellScores, StepsAreScoredByTheRulesOfTheEnd) {
  const testing::TempFolder folder;
  Json grid = one_cell_grid(folder.path());
  write_toy_png(folder / "held_out/images/slice4.png", 80, 4, false);
  write_toy_png(folder / "held_out/masks/slice4.png", 80, 4, true);
  grid["datasets"][0]["config"]["validation"]["data"]["folder"] = "stack";
  grid["datasets"][0]["evaluate"] = {{"volume", true}, {"cremi", true}};
  const CompareReport report = run_grid(grid);
  const Json& run = report.results["runs"][0];
  ASSERT_EQ(run["slices"].size(), 2U);
  ASSERT_EQ(run["curve"].size(), 2U);
  EXPECT_EQ(run["curve"][1]["scores"], run["scores"]);
  EXPECT_TRUE(run["curve"][0]["scores"].contains("iou"));
  EXPECT_THAT(core::dump_json(run["notes"]), HasSubstr("the voxel size is not known"));
  for (const char* name : {"results.md", "results.json", "report.html"}) {
    EXPECT_THAT(core::read_text(folder / "out" / name), HasSubstr("the voxel size is not known"));
  }
}

TEST(CellScores, ACellOfAnEarlierVersionIsTakenAsItIs) {
  const testing::TempFolder folder;
  Json grid = two_cell_grid(folder.path());
  run_grid(grid);
  for (const char* init : {"random", "pretrained"}) {
    const fs::path cell = folder / "out/cells/toy/1" / init / "seed7";
    Json result = core::read_json(cell / "result.json");
    for (Json& point : result["curve"]) {
      point.erase("scores");
    }
    write_record(cell / "result.json", result);
    fs::remove_all(cell / "steps");
  }
  const CompareReport report = run_grid(grid);
  EXPECT_EQ(report.trained + report.scored, 0);
  EXPECT_EQ(report.finished, 2);
  EXPECT_THAT(report.text, HasSubstr("toy: validation IoU (per slice) after training steps"));
  EXPECT_THAT(report.text, HasSubstr("2 of 2 runs have steps with the IoU of their validation"));
}

TEST(CellScores, HeldOutSlicesMayBeScoredAsOneVolume) {
  const testing::TempFolder folder;
  Json grid = one_cell_grid(folder.path());
  run_grid(grid);
  grid["datasets"][0]["evaluate"] = {{"volume", true}, {"cremi", true}};
  const testing::Heard heard;
  const CompareReport report = run_grid(grid, heard.context);
  EXPECT_THAT(heard.text(), HasSubstr("2 of 2 checkpoints keep their validation IoU alone"));
  EXPECT_EQ(report.trained, 0);
  EXPECT_EQ(report.scored, 1);
  EXPECT_TRUE(report.results["runs"][0]["curve"][0]["scores"].empty())
      << "the weights of the steps are gone";
  grid["datasets"][0].erase("evaluate");
  const CompareReport as_before = run_grid(grid);
  EXPECT_EQ(as_before.trained, 0);
  EXPECT_TRUE(as_before.results["runs"][0]["curve"][0]["scores"].contains("iou"));
}

}  // namespace
}  // namespace retina::pipeline
