#include "retina/pipeline/compare/compare_cell.h"

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/options.h"
#include "retina/pipeline/compare/compare_test_data.h"
#include "retina/testing/heard.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// The first cell of a grid, begun and no more.
Cell begun_cell(const Json& grid) {
  const Cell cell = toy_cells(grid).at(0);
  fs::create_directories(cell.folder);
  write_record(cell.identity_file(), cell.identity());
  return cell;
}

TEST(CompareCell, AChangedConfigurationMakesACellStale) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  const auto first = [&] { return toy_cells(grid).at(1); };
  EXPECT_EQ(status_of(first()).state, CellState::missing);
  fs::create_directories(first().folder);
  Json identity = first().identity();
  identity["finetune"].erase("patience");  // of an earlier version that did not know it
  const auto write = [](const fs::path& path, const Json& json) {
    core::write_atomically(path, std::string_view(core::dump_json(json)));
  };
  write(first().identity_file(), identity);
  EXPECT_EQ(status_of(first()).state, CellState::partly);
  write(first().result_file(), {{"evaluate", core::options_to_json(first().evaluate)}});
  EXPECT_EQ(status_of(first()).state, CellState::finished);

  grid["device"] = "auto";
  grid["threads"] = 2;
  EXPECT_EQ(status_of(first()).state, CellState::finished) << "where it runs does not matter";
  grid["datasets"][0]["group"] = "toys";
  EXPECT_EQ(first().group, "toys");
  EXPECT_EQ(status_of(first()).state, CellState::finished) << "nor do the rows of the tables";
  Json scored = core::options_to_json(first().evaluate);
  scored["max_ram"] = "4GiB";  // the default of earlier versions
  write(first().result_file(), {{"evaluate", scored}});
  EXPECT_EQ(status_of(first()).state, CellState::finished);
  grid["datasets"][0]["evaluate"] = {{"max_ram", "4GiB"}};
  EXPECT_EQ(status_of(first()).state, CellState::finished) << "given, and stored so";
  grid["datasets"][0]["evaluate"] = {{"instance_match", true}};
  EXPECT_EQ(status_of(first()).state, CellState::partly) << "to be scored again";
  grid["finetune"]["optimizer"] = {{"learning_rate", 0.5}};
  const CellStatus stale = status_of(first());
  EXPECT_EQ(stale.state, CellState::stale);
  EXPECT_THAT(stale.changes, ElementsAre("optimizer.learning_rate: 0.002, now 0.5"));
}

TEST(CompareCell, AFileThatCannotBeReadMakesACellDamaged) {
  const testing::TempFolder folder;
  const Cell cell = begun_cell(toy_grid(folder.path()));
  const Json evaluate = core::options_to_json(cell.evaluate);
  for (const std::string& text : {std::string(R"({"evaluate": )"), std::string("[]"), std::string(),
                                  core::dump_json({{"evaluate", evaluate}, {"scores", 3}})}) {
    core::write_atomically(cell.result_file(), std::string_view(text));
    const CellStatus status = status_of(cell);
    EXPECT_EQ(status.state, CellState::damaged) << text;
    EXPECT_EQ(status.damaged_file, cell.result_file()) << text;
    EXPECT_THAT(status.what_is_wrong, HasSubstr("result.json")) << text;
  }
  for (const char* text : {"{", "[]"}) {
    core::write_atomically(cell.identity_file(), std::string_view(text));
    EXPECT_EQ(status_of(cell).damaged_file, cell.identity_file()) << text;
  }
}

TEST(CompareCell, ANoteOfAFailureMakesACellFailed) {
  const testing::TempFolder folder;
  const Cell cell = begun_cell(toy_grid(folder.path()));
  const Json note = core::options_to_json(
      CellFailure{.start = "a1", .kind = ErrorKind::bad_data, .error = "no images"});
  core::write_atomically(cell.failure_file(), std::string_view(core::dump_json(note)));
  EXPECT_EQ(status_of(cell).state, CellState::failed);
  EXPECT_EQ(status_of(cell).what_is_wrong, "no images");
  core::write_atomically(cell.failure_file(), std::string_view("{"));
  EXPECT_EQ(status_of(cell).state, CellState::partly);
}

TEST(CompareCell, OtherWeightsUnderTheSameNameMakeACellStale) {
  const testing::TempFolder folder;
  const Json grid = toy_grid(folder.path());
  Cell cell = toy_cells(grid).at(1);
  fs::create_directories(cell.folder);
  core::write_atomically(cell.identity_file(), std::string_view(core::dump_json(cell.identity())));
  cell.weights = "others";
  EXPECT_THAT(status_of(cell).changes, ElementsAre(HasSubstr("now \"others\"")));
}

TEST(CompareCell, StaleCellsAreRefusedTogether) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  const Cell begun = begun_cell(grid);
  const Cell other = toy_cells(grid).at(1);
  fs::create_directories(other.folder);
  write_record(other.identity_file(), other.identity());
  const std::string identity = core::read_text(begun.identity_file());
  refuse_stale(toy_cells(grid));

  grid["finetune"]["batch"] = 1;
  const std::vector<Cell> cells = toy_cells(grid);
  const Refusal refusal = refusal_of([&] { refuse_stale(cells); });
  EXPECT_EQ(refusal.kind, ErrorKind::usage);
  EXPECT_THAT(refusal.text, AllOf(HasSubstr(cells[0].name() + ": batch: 2, now 1"),
                                  HasSubstr(cells[1].name() + ": batch: 2, now 1"),
                                  Not(HasSubstr(cells[2].name()))));
  const Refusal alone =
      refusal_of([&] { complete_cell(cells[0], CellWork{}, core::silent_context()); });
  EXPECT_EQ(alone.kind, ErrorKind::usage);
  EXPECT_THAT(alone.text, HasSubstr("batch: 2, now 1"));
  EXPECT_EQ(core::read_text(begun.identity_file()), identity);
}

TEST(CompareCell, AFailureIsKnownToTheProcessesOfItsStart) {
  const testing::TempFolder folder;
  const Cell cell = begun_cell(toy_grid(folder.path()));
  const testing::Heard heard;
  EXPECT_FALSE(noted_failure(cell, "a1", heard.context).has_value());
  const CellFailure failure{.start = "a1", .kind = ErrorKind::bad_data, .error = "no images"};
  write_record(cell.failure_file(), core::options_to_json(failure));
  const std::optional<Error> known = noted_failure(cell, "a1", heard.context);
  ASSERT_TRUE(known.has_value());
  EXPECT_EQ(known->kind(), ErrorKind::bad_data);
  EXPECT_STREQ(known->what(), "no images");
  EXPECT_FALSE(noted_failure(cell, "b2", heard.context).has_value());
  EXPECT_EQ(heard.text(), "");
  core::write_atomically(cell.failure_file(), std::string_view("{"));
  EXPECT_FALSE(noted_failure(cell, "a1", heard.context).has_value());
  EXPECT_THAT(heard.text(), HasSubstr("it is tried again: "));
}

TEST(CompareCell, AFailureInItsFilesIsNotedForTheOthers) {
  const testing::TempFolder folder;
  const Cell cell = begun_cell(toy_grid(folder.path()));
  core::write_atomically(cell.trained_file(), std::string_view("{"));
  const CellWork work{.start = "a1"};
  const Refusal refusal = refusal_of([&] { complete_cell(cell, work, core::silent_context()); });
  EXPECT_EQ(refusal.kind, ErrorKind::bad_data);
  EXPECT_THAT(refusal.text,
              AllOf(HasSubstr(cell.trained_file().string()),
                    HasSubstr("to train anew, remove '" + cell.folder.string() + "'")));
  const CellFailure note = cell_failure_of(core::read_json(cell.failure_file()), "failed.json");
  EXPECT_EQ(note.start, "a1");
  EXPECT_EQ(note.kind, ErrorKind::bad_data);
  EXPECT_EQ(note.error, refusal.text);
  EXPECT_EQ(core::read_text(cell.trained_file()), "{");
}

TEST(CompareCell, OverwriteTrainsACellThatFailedAnew) {
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

TEST(CompareCell, ANoteOfAFailureThatIsDamagedStopsNothing) {
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

TEST(CompareCell, ACellWhoseConfigurationIsDamagedIsLeftAsItIs) {
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

TEST(CompareCell, CellsTrainAloneInsideALauncher) {
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

}  // namespace
}  // namespace retina::pipeline
