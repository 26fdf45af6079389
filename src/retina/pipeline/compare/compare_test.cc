#include "retina/pipeline/compare/compare.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/lock.h"
#include "retina/pipeline/compare/cell_records.h"
#include "retina/pipeline/compare/compare_test_data.h"
#include "retina/pipeline/compare/comparison_folder.h"
#include "retina/testing/heard.h"
#include "retina/testing/note_list.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"
#include "retina/testing/without_locks.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

CompareReport run_grid(const Json& grid, const core::Context& context = core::silent_context()) {
  return compare(core::options_from_json<CompareOptions>(grid), context);
}

std::string error_of_grid(const Json& grid, const core::Context& context = core::silent_context()) {
  try {
    run_grid(grid, context);
    return "accepted";
  } catch (const Error& error) {
    return error.what();
  }
}

/// Gives the second initialisation held-out labels that are grey values, of no class: its trainings
/// fail where they read them. The file of the labels.
fs::path spoil_pretrained(Json& grid, const testing::TempFolder& folder) {
  fs::path labels = folder / "spoiled/masks/slice3.png";
  write_toy_png(folder / "spoiled/images/slice3.png", 80, 3, false);
  write_toy_png(labels, 80, 3, false);
  grid["inits"][1]["finetune"]["validation"]["data"]["path"] = (folder / "spoiled").string();
  return labels;
}

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
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
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
  try {
    run_grid(grid, context);
    FAIL() << "not interrupted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    EXPECT_THAT(error.what(), HasSubstr("same command"));
  }
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
  try {
    run_grid(grid, context);
    FAIL() << "not interrupted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
  EXPECT_THAT(heard.text(), HasSubstr("the tables of what is finished are not written: "));
}

TEST(Compare, ACellThatAnotherProcessHoldsIsLeftToIt) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  {
    const core::OutputLock other(folder / "out/cells/toy/1/random/seed7");
    const CompareReport report = run_grid(grid);
    EXPECT_EQ(report.trained, 1);
    EXPECT_EQ(report.finished, 1);
  }
  grid["only"] = "2/2";
  EXPECT_EQ(run_grid(grid).trained, 0) << "the other half of the cells";
  grid["only"] = "1/2";
  EXPECT_EQ(run_grid(grid).finished, 2);
}

TEST(Compare, ACellThatFailsDoesNotStopTheOthers) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
  spoil_pretrained(grid, folder);
  EXPECT_THAT(error_of_grid(grid), AllOf(HasSubstr("toy, 1 labelled, pretrained, seed 7"),
                                         HasSubstr("compare --overwrite trains it anew")));
  EXPECT_TRUE(fs::exists(folder / "out/cells/toy/1/random/seed7/result.json"));
  EXPECT_FALSE(fs::exists(folder / "out/cells/toy/1/pretrained/seed7/result.json"));
  EXPECT_TRUE(fs::exists(folder / "out/report.html"));
}

TEST(Compare, ACellThatFailedIsTriedOnceInAStart) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
  grid["start"] = "a1";
  const fs::path labels = spoil_pretrained(grid, folder);
  const std::string error = error_of_grid(grid);
  const fs::path cell = folder / "out/cells/toy/1/pretrained/seed7";
  const Json note = core::read_json(cell / "failed.json");
  EXPECT_EQ(note["start"], "a1");
  EXPECT_EQ(note["kind"], "bad_data");
  EXPECT_THAT(error, HasSubstr(note["error"].get<std::string>()));

  fs::remove(labels);
  write_toy_png(labels, 80, 3, true);
  EXPECT_EQ(error_of_grid(grid), error) << "told, and not tried, by the next process";
  EXPECT_FALSE(fs::exists(cell / "result.json"));
  grid["start"] = "";
  EXPECT_EQ(run_grid(grid).trained, 1) << "a start of its own";
  EXPECT_FALSE(fs::exists(cell / "failed.json"));
}

TEST(Compare, OverwriteTrainsACellThatFailedAnew) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
  grid["inits"].erase(1);
  run_grid(grid);
  const fs::path cell = folder / "out/cells/toy/1/random/seed7";
  fs::remove(cell / "result.json");
  const Json note = core::options_to_json(CellFailure{
      .start = "a1", .kind = ErrorKind::bad_data, .error = "other labels\n  - in slice 1"});
  core::write_atomically(cell / "failed.json", std::string_view(core::dump_json(note)));
  Json dry = grid;
  dry["dry_run"] = true;
  const CompareReport listed = run_grid(dry);
  EXPECT_THAT(listed.text, AllOf(HasSubstr("failed: other labels "), Not(HasSubstr("in slice 1"))));
  EXPECT_EQ(listed.results["states"][0]["state"], "failed");
  EXPECT_THAT(listed.results["states"][0]["reason"].get<std::string>(), HasSubstr("in slice 1"));

  grid["overwrite"] = true;
  EXPECT_EQ(run_grid(grid).trained, 1) << "though there is a trained model";
  EXPECT_FALSE(fs::exists(cell / "failed.json"));
  EXPECT_EQ(run_grid(grid).trained, 0);
}

TEST(Compare, AFinishedCellWhoseModelIsGoneHasNoPictures) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
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

TEST(Compare, ANoteOfAFailureThatIsDamagedStopsNothing) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
  grid["inits"].erase(1);
  const fs::path note = folder / "out/cells/toy/1/random/seed7/failed.json";
  run_grid(grid);
  fs::remove(note.parent_path() / "result.json");
  core::write_atomically(note, std::string_view("{"));
  const testing::Heard heard;
  EXPECT_EQ(run_grid(grid, heard.context).scored, 1);
  EXPECT_THAT(heard.text(), HasSubstr(note.string()));
  EXPECT_FALSE(fs::exists(note));
}

TEST(Compare, ACellThatAnotherConfigurationMakesMeanwhileIsLeftAsItIs) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
  Json others = grid;
  others["output"] = (folder / "others").string();
  others["finetune"]["batch"] = 1;
  others["only"] = "2/2";
  run_grid(others);
  const fs::path cell = "cells/toy/1/pretrained";
  const fs::path made = folder / "out" / cell;
  const core::Context context = testing::stopping_context([&](const testing::Reported& reported) {
    if (reported.job == "training" && !fs::exists(made)) {
      fs::copy(folder / "others" / cell, made, fs::copy_options::recursive);
    }
    return false;
  });
  EXPECT_THAT(error_of_grid(grid, context), AllOf(HasSubstr("toy, 1 labelled, pretrained, seed 7"),
                                                  HasSubstr("the configuration has changed since"),
                                                  HasSubstr("batch: 1, now 2")));
  for (const char* file : {"cell.json", "trained.json", "result.json", "run/metrics.jsonl"}) {
    EXPECT_EQ(core::read_text(made / "seed7" / file),
              core::read_text(folder / "others" / cell / "seed7" / file));
  }
  EXPECT_FALSE(fs::exists(made / "seed7/failed.json"));
  EXPECT_TRUE(fs::exists(folder / "out/cells/toy/1/random/seed7/result.json"));
  EXPECT_EQ(core::read_json(folder / "out/results.json").at("runs").size(), 1U);
  grid["overwrite"] = true;
  EXPECT_EQ(run_grid(grid).trained, 1);
}

TEST(Compare, ADamagedResultIsMadeAgainFromTheTraining) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
  const CompareReport first = run_grid(grid);
  const fs::path result = folder / "out/cells/toy/1/random/seed7/result.json";
  core::write_atomically(result, std::string_view("{"));
  Json dry = grid;
  dry["dry_run"] = true;
  const CompareReport listed = run_grid(dry);
  EXPECT_EQ(listed.finished, 1);
  EXPECT_THAT(listed.text, HasSubstr("damaged: " + result.string()));
  EXPECT_EQ(listed.results["states"][0]["damaged"], result.string());

  const testing::Heard heard;
  const CompareReport again = run_grid(grid, heard.context);
  EXPECT_EQ(again.trained, 0);
  EXPECT_EQ(again.scored, 1);
  EXPECT_EQ(again.results, first.results);
  const std::string text = heard.text();
  const std::size_t told = text.find(result.string());
  ASSERT_NE(told, std::string::npos) << text;
  EXPECT_EQ(text.find(result.string(), told + 1), std::string::npos) << "once: " << text;

  const fs::path step = folder / "out/cells/toy/1/random/seed7/steps/step_00000001.json";
  core::write_atomically(step, std::string_view("{"));
  fs::remove(result);
  const CompareReport without = run_grid(grid, heard.context);
  EXPECT_EQ(without.scored, 1);
  EXPECT_TRUE(without.results["runs"][0]["curve"][0].value("scores", Json::object()).empty());
  EXPECT_THAT(heard.text(), HasSubstr(step.string()));
}

TEST(Compare, ACellWhoseConfigurationIsDamagedIsLeftAsItIs) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
  run_grid(grid);
  const fs::path cells = folder / "out/cells/toy/1";
  core::write_atomically(cells / "random/seed7/cell.json", std::string_view("{"));
  fs::remove(cells / "pretrained/seed7/result.json");
  Json dry = grid;
  dry["dry_run"] = true;
  EXPECT_THAT(run_grid(dry).text,
              HasSubstr("damaged: " + (cells / "random/seed7/cell.json").string()));
  EXPECT_THAT(error_of_grid(grid),
              AllOf(HasSubstr("toy, 1 labelled, random, seed 7"), HasSubstr("to train anew")));
  EXPECT_TRUE(fs::exists(cells / "random/seed7/result.json"));
  EXPECT_TRUE(fs::exists(cells / "random/seed7/run/model"));
  EXPECT_TRUE(fs::exists(cells / "pretrained/seed7/result.json")) << "the others go on";
  EXPECT_EQ(core::read_json(folder / "out/results.json").at("runs").size(), 1U);
}

TEST(Compare, StepsAreScoredByTheRulesOfTheEnd) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  write_toy_png(folder / "held_out/images/slice4.png", 80, 4, false);
  write_toy_png(folder / "held_out/masks/slice4.png", 80, 4, true);
  grid["labels"] = {1};
  grid["pictures"] = false;
  grid["inits"].erase(1);
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

TEST(Compare, ACellOfAnEarlierVersionIsTakenAsItIs) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
  run_grid(grid);
  for (const char* init : {"random", "pretrained"}) {
    const fs::path cell = folder / "out/cells/toy/1" / init / "seed7";
    Json result = core::read_json(cell / "result.json");
    for (Json& point : result["curve"]) {
      point.erase("scores");
    }
    core::write_atomically(cell / "result.json", std::string_view(core::dump_json(result)));
    fs::remove_all(cell / "steps");
  }
  const CompareReport report = run_grid(grid);
  EXPECT_EQ(report.trained + report.scored, 0);
  EXPECT_EQ(report.finished, 2);
  EXPECT_THAT(report.text, HasSubstr("toy: validation IoU (per slice) after training steps"));
  EXPECT_THAT(report.text, HasSubstr("2 of 2 runs have steps with the IoU of their validation"));
}

/// What a launcher says to one of its two processes, until the end of the test.
class LauncherVariables {
 public:
  explicit LauncherVariables(std::vector<std::pair<const char*, const char*>> variables)
      : variables_(std::move(variables)) {
    for (const auto& [name, value] : variables_) {
      ::setenv(name, value, 1);
    }
  }
  ~LauncherVariables() {
    for (const auto& [name, value] : variables_) {
      ::unsetenv(name);
    }
  }
  LauncherVariables(const LauncherVariables&) = delete;
  LauncherVariables& operator=(const LauncherVariables&) = delete;

 private:
  std::vector<std::pair<const char*, const char*>> variables_;
};

TEST(Compare, CellsTrainAloneInsideALauncher) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
  grid["inits"].erase(1);
  {
    const LauncherVariables torchrun({{"RANK", "1"}, {"WORLD_SIZE", "2"}});
    EXPECT_EQ(run_grid(grid).finished, 1);
  }
  grid["seeds"] = {7, 8};
  const LauncherVariables slurm({{"SLURM_PROCID", "0"}, {"SLURM_STEP_NUM_TASKS", "2"}});
  EXPECT_EQ(run_grid(grid).trained, 1);
}

TEST(Compare, TellsHowFarTheGridIs) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
  const auto progress = std::make_shared<testing::NoteList>();
  core::Context context = core::silent_context();
  context.progress = progress;
  run_grid(grid, context);
  EXPECT_THAT(progress->notes, ::testing::Contains(::testing::EndsWith("cell 1 of 2")));
  EXPECT_THAT(progress->notes, ::testing::Contains(HasSubstr("cell 2 of 2, about ")));
}

TEST(Compare, HeldOutSlicesMayBeScoredAsOneVolume) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {1};
  grid["pictures"] = false;
  grid["inits"].erase(1);
  run_grid(grid);
  grid["datasets"][0]["evaluate"] = {{"volume", true}, {"cremi", true}};
  const CompareReport report = run_grid(grid);
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
