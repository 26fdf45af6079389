#include "retina/pipeline/compare/compare.h"

#include <algorithm>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/options.h"
#include "retina/pipeline/compare/cell_records.h"
#include "retina/pipeline/compare/compare_test_data.h"
#include "retina/pipeline/compare/comparison_folder.h"
#include "retina/testing/heard.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"
#include "retina/testing/without_locks.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Compare, RunsWhatIsMissingAndNothingTwice) {
  const testing::TempFolder folder;
  const Json grid = toy_grid(folder.path());
  const CompareReport first = run_grid(grid);
  EXPECT_EQ(first.cells, 4);
  EXPECT_EQ(first.finished, 4);
  EXPECT_EQ(first.trained, 4);
  for (const char* name :
       {"report.html", "results.csv", "curves.csv", "results.json", "results.md"}) {
    EXPECT_TRUE(fs::exists(folder / "out" / name)) << name;
  }
  EXPECT_THAT(core::read_text(folder / "out/report.html"), HasSubstr("data:image/png"));
  const Json& run = first.results["runs"][0];
  EXPECT_EQ(run["training_slices"], 1);
  EXPECT_EQ(run["curve"].size(), 2U) << "at the checkpoint and at the end";
  EXPECT_NEAR(run["scores"]["iou"].get<double>(), run["curve"][1]["iou"].get<double>(), 1e-6)
      << "the last weights are scored, as the last validation did";
  EXPECT_EQ(run["curve"][1]["scores"], run["scores"]);
  EXPECT_TRUE(run["curve"][0]["scores"].contains("f"));
  const std::string curves = core::read_text(folder / "out/curves.csv");
  EXPECT_EQ(std::count(curves.begin(), curves.end(), '\n'), 1 + 4 * 2);
  EXPECT_THAT(core::read_text(folder / "out/report.html"), HasSubstr("toy, 1 labelled: F<"));
  EXPECT_GT(run["seconds_per_step"].get<double>(), 0);
  EXPECT_EQ(run["precision"], "fp32");

  const CompareReport second = run_grid(grid);
  EXPECT_EQ(second.trained + second.scored, 0);
  EXPECT_EQ(second.results, first.results);

  const fs::path cell = folder / "out/cells/toy/1/pretrained/seed7";
  EXPECT_FALSE(fs::exists(cell / "run/checkpoints"));
  fs::remove(cell / "result.json");
  const CompareReport scored = run_grid(grid);
  EXPECT_EQ(scored.trained, 0) << "the training is not repeated";
  EXPECT_EQ(scored.scored, 1);
  EXPECT_EQ(scored.results, first.results);
  fs::remove_all(cell);
  const CompareReport repeated = run_grid(grid);
  EXPECT_EQ(repeated.trained, 1);
  EXPECT_EQ(repeated.results["runs"][1]["scores"], first.results["runs"][1]["scores"]);
}

TEST(Compare, AChangedGridIsRefusedOrTrainedAnew) {
  const testing::TempFolder folder;
  Json grid = two_cell_grid(folder.path());
  run_grid(grid);
  grid["finetune"]["batch"] = 1;
  EXPECT_THAT(error_of_grid(grid), HasSubstr("batch: 2, now 1"));
  Json dry = grid;
  dry["dry_run"] = true;
  EXPECT_THAT(run_grid(dry).text, HasSubstr("stale (batch: 2, now 1)"));
  grid["overwrite"] = true;
  EXPECT_EQ(run_grid(grid).trained, 2);
  grid["overwrite"] = false;
  EXPECT_EQ(run_grid(grid).trained, 0);
  grid["labels"] = {1, 2};
  EXPECT_EQ(run_grid(grid).trained, 2) << "more cells may be added";
}

TEST(Compare, ADryRunWritesNothing) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["dry_run"] = true;
  EXPECT_THAT(run_grid(grid).text, HasSubstr("| toy     | 1      | random     | 7    | missing |"));
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST(Compare, ADryRunTellsWhatIsWrongWithACell) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  const Cell without_result = begun_cell(grid, 0);
  core::write_atomically(without_result.result_file(), std::string_view("{"));
  const Cell finished = begun_cell(grid, 1);
  write_record(finished.result_file(), {{"evaluate", core::options_to_json(finished.evaluate)}});
  const Cell without_identity = begun_cell(grid, 2);
  core::write_atomically(without_identity.identity_file(), std::string_view("{"));
  const Cell failed = begun_cell(grid, 3);
  const CellFailure failure{
      .start = "a1", .kind = ErrorKind::bad_data, .error = "other labels\n  - in slice 1"};
  write_record(failed.failure_file(), core::options_to_json(failure));
  grid["dry_run"] = true;
  const CompareReport listed = run_grid(grid);
  EXPECT_EQ(listed.finished, 1);
  EXPECT_THAT(listed.text, AllOf(HasSubstr("damaged: " + without_result.result_file().string()),
                                 HasSubstr("damaged: " + without_identity.identity_file().string()),
                                 HasSubstr("failed: other labels "), Not(HasSubstr("in slice 1"))));
  const Json& states = listed.results["states"];
  EXPECT_EQ(states[0]["damaged"], without_result.result_file().string());
  EXPECT_EQ(states[3]["state"], "failed");
  EXPECT_THAT(states[3]["reason"].get<std::string>(), HasSubstr("in slice 1"));
}

TEST(Compare, ADryRunWarnsOfTheClockAndOfLateCheckpoints) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["dry_run"] = true;
  grid["finetune"]["max_seconds"] = 900;
  grid["checkpoints"] = {1, 9};
  const testing::Heard heard;
  run_grid(grid, heard.context);
  EXPECT_THAT(heard.text(), HasSubstr("finetune.max_seconds: 0"));
  EXPECT_THAT(heard.text(), HasSubstr("checkpoints: 9 is beyond the 2 steps of toy, random"));
}

TEST(Compare, ADeviceThatIsNoneIsRefusedAtTheStart) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["device"] = "gpu";
  for (const bool dry_run : {true, false}) {
    grid["dry_run"] = dry_run;
    const std::string error = error_of_grid(grid);
    EXPECT_THAT(error, AllOf(HasSubstr("device 'gpu'"), Not(HasSubstr("cells failed"))));
  }
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST(Compare, AFolderOfSomethingElseIsRefused) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  fs::create_directories(folder / "out/model");
  const fs::path report = folder / "out/report.html";
  core::write_atomically(report, std::string_view("mine"));
  for (const bool dry_run : {true, false}) {
    grid["dry_run"] = dry_run;
    grid["output"] = (folder / "out").string();
    EXPECT_THAT(error_of_grid(grid),
                AllOf(HasSubstr("with 'model' in it"), HasSubstr("choose another folder")));
    grid["output"] = report.string();
    EXPECT_THAT(error_of_grid(grid), AllOf(HasSubstr(report.string() + "': a file"),
                                           HasSubstr("choose another folder")));
  }
  EXPECT_EQ(core::read_text(report), "mine");
  EXPECT_FALSE(fs::exists(folder / "out/cells"));
}

TEST(ComparisonFolder, IsKnownByItsCells) {
  const testing::TempFolder folder;
  const auto put = [&](const std::string& name) {
    fs::create_directories((folder / name).parent_path());
    core::write_atomically(folder / name, std::string_view("{}"));
  };
  refuse_foreign_folder(folder / "nowhere");
  refuse_foreign_folder(folder.path());
  put(".report.html.lock");
  refuse_foreign_folder(folder.path());
  put("cells/toy/1/random/.seed7.lock");  // of a first start that was killed
  put("job1.log");
  refuse_foreign_folder(folder.path());
  put("cells/toy/image.png");
  EXPECT_THROW(refuse_foreign_folder(folder.path()), Error);
  put("cells/toy/1/random/seed7/cell.json");
  refuse_foreign_folder(folder.path());
  fs::remove_all(folder / "cells");
  EXPECT_THROW(refuse_foreign_folder(folder.path()), Error);
}

/// What a grid says that is stopped at its start.
std::string heard_at_the_start(const Json& grid) {
  testing::Heard heard;
  std::stop_source source;
  source.request_stop();
  heard.context.stop = source.get_token();
  error_of_grid(grid, heard.context);
  return heard.text();
}

TEST(Compare, WarnsOnceWhereTheFileSystemKnowsNoLocks) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  EXPECT_THAT(heard_at_the_start(grid), Not(HasSubstr("knows no locks")));
  std::string text;
  std::string with_share;
  const bool is_done = testing::without_locks([&] {
    text = heard_at_the_start(grid);
    grid["only"] = "1/2";
    with_share = heard_at_the_start(grid);
  });
  if (!is_done) {
    GTEST_SKIP() << "this kernel refuses to filter system calls";
  }
  const std::size_t told = text.find("knows no locks");
  ASSERT_NE(told, std::string::npos) << text;
  EXPECT_EQ(text.find("knows no locks", told + 1), std::string::npos) << text;
  EXPECT_THAT(text, HasSubstr("--only K/N"));
  EXPECT_THAT(with_share, Not(HasSubstr("knows no locks")));
}

TEST(Compare, AnInterruptedCellGoesOnFromItsCheckpoint) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["finetune"]["steps"] = 4;
  const core::Context context =
      testing::stopping_context([runs = 0](const testing::Reported& reported) mutable {
        runs += reported.what == testing::Reported::What::begin && reported.job == "training";
        return runs == 2 && reported.is_update() && reported.done >= 1;
      });
  const Refusal stop = refusal_of([&] { run_grid(grid, context); });
  EXPECT_EQ(stop.kind, ErrorKind::interrupted);
  EXPECT_THAT(stop.text, HasSubstr("same command"));
  const fs::path cells = folder / "out/cells/toy/1";
  EXPECT_TRUE(fs::exists(cells / "random/seed7/result.json"));
  EXPECT_FALSE(fs::exists(cells / "pretrained/seed7/result.json"));
  EXPECT_TRUE(fs::exists(cells / "pretrained/seed7/run/checkpoints/step_00000001"));
  EXPECT_EQ(core::read_json(folder / "out/results.json").at("runs").size(), 1U)
      << "what is finished is told";
  EXPECT_TRUE(fs::exists(folder / "out/curves.csv"));
  EXPECT_THAT(core::read_text(folder / "out/report.html"),
              AllOf(HasSubstr("1 finished runs"), Not(HasSubstr("data:image/png"))));
  const CompareReport rest = run_grid(grid);
  EXPECT_EQ(rest.trained, 1);
  EXPECT_EQ(rest.results["runs"][1]["steps"], 4);
  EXPECT_THAT(core::read_text(folder / "out/report.html"), HasSubstr("data:image/png"));
}

TEST(Compare, AStopRemainsOneWhereTheTablesCannotBeWritten) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  fs::create_directories(folder / "out/results.json/in the way");
  fs::create_directories(folder / "out/cells");
  const testing::Heard heard;
  core::Context context = testing::stopping_context(
      [](const testing::Reported& reported) { return reported.job == "training"; });
  context.log = heard.context.log;
  EXPECT_EQ(refusal_of([&] { run_grid(grid, context); }).kind, ErrorKind::interrupted);
  EXPECT_THAT(heard.text(), HasSubstr("the tables of what is finished are not written: "));
}

TEST(Compare, AFinishedCellWhoseModelIsGoneHasNoPictures) {
  const testing::TempFolder folder;
  Json grid = two_cell_grid(folder.path());
  run_grid(grid);
  fs::remove_all(folder / "out/cells/toy/1/random/seed7/run");
  grid["pictures"] = true;
  const testing::Heard heard;
  const CompareReport report = run_grid(grid, heard.context);
  EXPECT_EQ(report.finished, 2);
  EXPECT_EQ(report.trained, 0);
  EXPECT_THAT(core::read_text(folder / "out/report.html"),
              AllOf(HasSubstr("data:image/png"), HasSubstr("pretrained, seed 7"),
                    Not(HasSubstr("random, seed 7"))));
  const std::string text = heard.text();
  const std::string told = "random, seed 7: the report has no pictures of it";
  ASSERT_THAT(text, HasSubstr(told));
  EXPECT_EQ(text.find(told, text.find(told) + 1), std::string::npos) << text;
}

}  // namespace
}  // namespace retina::pipeline
