#include "retina/pipeline/compare/complete_cell.h"

#include <cstddef>
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
#include "retina/core/options.h"
#include "retina/pipeline/compare/cell_records.h"
#include "retina/pipeline/compare/compare_test_data.h"
#include "retina/testing/heard.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(CompleteCell, ACellOfAnotherConfigurationIsRefusedAndStaysAsItIs) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  const Cell begun = begun_cell(grid);
  const std::string identity = core::read_text(begun.identity_file());
  grid["finetune"]["batch"] = 1;
  const Cell cell = toy_cells(grid).at(0);
  const Refusal refusal =
      refusal_of([&] { complete_cell(cell, CellWork{}, core::silent_context()); });
  EXPECT_EQ(refusal.kind, ErrorKind::usage);
  EXPECT_THAT(refusal.text, HasSubstr("batch: 2, now 1"));
  EXPECT_EQ(core::read_text(begun.identity_file()), identity);
}

TEST(CompleteCell, ACellWhoseConfigurationIsDamagedIsLeftAsItIs) {
  const testing::TempFolder folder;
  const Cell cell = begun_cell(toy_grid(folder.path()));
  write_record(cell.result_file(), Json::object());
  fs::create_directories(cell.run() / "model");
  core::write_atomically(cell.identity_file(), std::string_view("{"));
  const Refusal refusal =
      refusal_of([&] { complete_cell(cell, CellWork{}, core::silent_context()); });
  EXPECT_EQ(refusal.kind, ErrorKind::bad_data);
  EXPECT_THAT(refusal.text,
              AllOf(HasSubstr(cell.identity_file().string()),
                    HasSubstr("to train anew, remove '" + cell.folder.string() + "'")));
  EXPECT_EQ(core::read_text(cell.identity_file()), "{");
  EXPECT_TRUE(fs::exists(cell.result_file()));
  EXPECT_TRUE(fs::exists(cell.run() / "model"));
}

TEST(CompleteCell, ADamagedResultIsMadeAgainFromTheTraining) {
  const testing::TempFolder folder;
  Json grid = one_cell_grid(folder.path());
  const CompareReport first = run_grid(grid);
  const fs::path result = folder / "out/cells/toy/1/random/seed7/result.json";
  core::write_atomically(result, std::string_view("{"));
  const testing::Heard heard;
  const CompareReport again = run_grid(grid, heard.context);
  EXPECT_EQ(again.trained, 0);
  EXPECT_EQ(again.scored, 1);
  EXPECT_EQ(again.results, first.results);
  const std::string text = heard.text();
  const std::size_t told = text.find(result.string());
  ASSERT_NE(told, std::string::npos) << text;
  EXPECT_EQ(text.find(result.string(), told + 1), std::string::npos) << "once: " << text;
}

TEST(CompleteCell, AFailureIsKnownToTheProcessesOfItsStart) {
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

TEST(CompleteCell, AFailureInItsFilesIsNotedForTheOthers) {
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

TEST(CompleteCell, OverwriteTrainsACellThatFailedAnew) {
  const testing::TempFolder folder;
  Json grid = one_cell_grid(folder.path());
  run_grid(grid);
  const fs::path cell = folder / "out/cells/toy/1/random/seed7";
  fs::remove(cell / "result.json");
  const CellFailure failure{.start = "a1", .kind = ErrorKind::bad_data, .error = "other labels"};
  write_record(cell / "failed.json", core::options_to_json(failure));
  grid["overwrite"] = true;
  EXPECT_EQ(run_grid(grid).trained, 1) << "though there is a trained model";
  EXPECT_FALSE(fs::exists(cell / "failed.json"));
  EXPECT_EQ(run_grid(grid).trained, 0);
}

TEST(CompleteCell, ANoteOfAFailureThatIsDamagedStopsNothing) {
  const testing::TempFolder folder;
  Json grid = one_cell_grid(folder.path());
  const fs::path note = folder / "out/cells/toy/1/random/seed7/failed.json";
  run_grid(grid);
  fs::remove(note.parent_path() / "result.json");
  core::write_atomically(note, std::string_view("{"));
  const testing::Heard heard;
  EXPECT_EQ(run_grid(grid, heard.context).scored, 1);
  EXPECT_THAT(heard.text(), HasSubstr(note.string()));
  EXPECT_FALSE(fs::exists(note));
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

TEST(CompleteCell, CellsTrainAloneInsideALauncher) {
  const testing::TempFolder folder;
  Json grid = one_cell_grid(folder.path());
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
