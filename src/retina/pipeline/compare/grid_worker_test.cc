#include "retina/pipeline/compare/grid_worker.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/lock.h"
#include "retina/pipeline/compare/compare_test_data.h"
#include "retina/testing/note_list.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(GridWorker, ACellThatAnotherProcessHoldsIsLeftToIt) {
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

TEST(GridWorker, ACellThatFailsDoesNotStopTheOthers) {
  const testing::TempFolder folder;
  Json grid = two_cell_grid(folder.path());
  spoil_pretrained(grid, folder.path());
  EXPECT_THAT(error_of_grid(grid), AllOf(HasSubstr("toy, 1 labelled, pretrained, seed 7"),
                                         HasSubstr("compare --overwrite trains it anew")));
  EXPECT_TRUE(fs::exists(folder / "out/cells/toy/1/random/seed7/result.json"));
  EXPECT_FALSE(fs::exists(folder / "out/cells/toy/1/pretrained/seed7/result.json"));
  EXPECT_TRUE(fs::exists(folder / "out/report.html"));
}

TEST(GridWorker, ACellWhoseConfigurationIsDamagedDoesNotStopTheOthers) {
  const testing::TempFolder folder;
  Json grid = two_cell_grid(folder.path());
  const Cell damaged = begun_cell(grid);
  core::write_atomically(damaged.identity_file(), std::string_view("{"));
  EXPECT_THAT(error_of_grid(grid),
              AllOf(HasSubstr("toy, 1 labelled, random, seed 7"), HasSubstr("to train anew")));
  EXPECT_TRUE(fs::exists(folder / "out/cells/toy/1/pretrained/seed7/result.json"));
  EXPECT_EQ(core::read_json(folder / "out/results.json").at("runs").size(), 1U);
}

TEST(GridWorker, ACellThatFailedIsTriedOnceInAStart) {
  const testing::TempFolder folder;
  Json grid = two_cell_grid(folder.path());
  grid["start"] = "a1";
  const fs::path labels = spoil_pretrained(grid, folder.path());
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

TEST(GridWorker, ACellThatAnotherConfigurationMakesMeanwhileIsLeftAsItIs) {
  const testing::TempFolder folder;
  Json grid = two_cell_grid(folder.path());
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

TEST(GridWorker, TellsHowFarTheGridIs) {
  const testing::TempFolder folder;
  Json grid = two_cell_grid(folder.path());
  const auto progress = std::make_shared<testing::NoteList>();
  core::Context context = core::silent_context();
  context.progress = progress;
  run_grid(grid, context);
  EXPECT_THAT(progress->notes, ::testing::Contains(::testing::EndsWith("cell 1 of 2")));
  EXPECT_THAT(progress->notes, ::testing::Contains(HasSubstr("cell 2 of 2, about ")));
}

}  // namespace
}  // namespace retina::pipeline
