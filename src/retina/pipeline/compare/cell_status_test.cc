#include "retina/pipeline/compare/cell_status.h"

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/options.h"
#include "retina/pipeline/compare/compare_test_data.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(CellStatus, AChangedConfigurationMakesACellStale) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  const auto first = [&] { return toy_cells(grid).at(1); };
  EXPECT_EQ(status_of(first()).state, CellState::missing);
  fs::create_directories(first().folder);
  Json identity = first().identity();
  identity["finetune"].erase("patience");  // of an earlier version that did not know it
  write_record(first().identity_file(), identity);
  EXPECT_EQ(status_of(first()).state, CellState::partly);
  write_record(first().result_file(), {{"evaluate", core::options_to_json(first().evaluate)}});
  EXPECT_EQ(status_of(first()).state, CellState::finished);

  grid["device"] = "auto";
  grid["threads"] = 2;
  EXPECT_EQ(status_of(first()).state, CellState::finished) << "where it runs does not matter";
  grid["datasets"][0]["group"] = "toys";
  EXPECT_EQ(first().group, "toys");
  EXPECT_EQ(status_of(first()).state, CellState::finished) << "nor do the rows of the tables";
  Json scored = core::options_to_json(first().evaluate);
  scored["max_ram"] = "4GiB";  // the default of earlier versions
  write_record(first().result_file(), {{"evaluate", scored}});
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

TEST(CellStatus, AFileThatCannotBeReadMakesACellDamaged) {
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

TEST(CellStatus, ANoteOfAFailureMakesACellFailed) {
  const testing::TempFolder folder;
  const Cell cell = begun_cell(toy_grid(folder.path()));
  const CellFailure failure{.start = "a1", .kind = ErrorKind::bad_data, .error = "no images"};
  write_record(cell.failure_file(), core::options_to_json(failure));
  EXPECT_EQ(status_of(cell).state, CellState::failed);
  EXPECT_EQ(status_of(cell).what_is_wrong, "no images");
  core::write_atomically(cell.failure_file(), std::string_view("{"));
  EXPECT_EQ(status_of(cell).state, CellState::partly);
}

TEST(CellStatus, OtherWeightsUnderTheSameNameMakeACellStale) {
  const testing::TempFolder folder;
  Cell cell = begun_cell(toy_grid(folder.path()), 1);
  cell.weights = "others";
  EXPECT_THAT(status_of(cell).changes, ElementsAre(HasSubstr("now \"others\"")));
}

TEST(CellStatus, StaleCellsAreRefusedTogether) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  begun_cell(grid, 0);
  begun_cell(grid, 1);
  refuse_stale(toy_cells(grid));

  grid["finetune"]["batch"] = 1;
  const std::vector<Cell> cells = toy_cells(grid);
  const Refusal refusal = refusal_of([&] { refuse_stale(cells); });
  EXPECT_EQ(refusal.kind, ErrorKind::usage);
  EXPECT_THAT(refusal.text, AllOf(HasSubstr(cells[0].name() + ": batch: 2, now 1"),
                                  HasSubstr(cells[1].name() + ": batch: 2, now 1"),
                                  Not(HasSubstr(cells[2].name()))));
}

TEST(CellStatus, ChangesAreNamedByTheirOptions) {
  Json before;
  before["finetune"]["optimizer"]["learning_rate"] = 0.5;
  before["finetune"]["patience"] = 3;
  before["weights"] = "abc";
  Json now = before;
  EXPECT_THAT(identity_changes(before, now), IsEmpty());
  now["finetune"]["optimizer"]["learning_rate"] = 0.25;
  now["finetune"].erase("patience");
  now["finetune"]["steps"] = 8;
  now["weights"] = "";
  EXPECT_THAT(identity_changes(before, now),
              ElementsAre("optimizer.learning_rate: 0.5, now 0.25", "patience: 3, now nothing",
                          "steps: nothing, now 8", "weights: \"abc\", now \"\""));
}

}  // namespace
}  // namespace retina::pipeline
