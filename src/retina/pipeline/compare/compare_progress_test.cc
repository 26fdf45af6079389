#include "retina/pipeline/compare/compare_progress.h"

#include <chrono>
#include <filesystem>
#include <memory>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/options.h"
#include "retina/pipeline/compare/cell_records.h"
#include "retina/pipeline/compare/compare_test_data.h"
#include "retina/testing/note_list.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::StartsWith;

/// Writes what a cell that was trained and scored with `evaluate` has in its folder.
void write_scored(const Cell& cell, const Json& evaluate) {
  fs::create_directories(cell.folder);
  write_record(cell.identity_file(), cell.identity());
  if (!fs::exists(cell.trained_file())) {
    write_record(cell.trained_file(), Json::object());
  }
  write_record(cell.result_file(), {{"evaluate", evaluate}});
}

void write_scored(const Cell& cell) {
  write_scored(cell, core::options_to_json(cell.evaluate));
}

TEST(GridWatch, CountsTheCellsThatAnyProcessFinishes) {
  const testing::TempFolder folder;
  const std::vector<Cell> cells = toy_cells(toy_grid(folder.path()));
  ASSERT_EQ(cells.size(), 4U);
  write_scored(cells[0]);
  write_scored(cells[1], {{"volume", true}});
  const GridWatch watch(cells, {});
  EXPECT_EQ(watch.missing(), 3);
  EXPECT_EQ(watch.finished(), 0) << "a result by other rules is none";
  EXPECT_EQ(watch.text(), "1 of 4 cells finished");
  EXPECT_EQ(watch.time_left(), "");

  write_scored(cells[2]);
  EXPECT_EQ(watch.finished(), 1);
  EXPECT_EQ(watch.text(), "2 of 4 cells finished");
  EXPECT_THAT(watch.time_left(), StartsWith(", about "));

  const fs::path other = cells[1].result_file();
  fs::last_write_time(other, fs::last_write_time(other) + std::chrono::seconds(2));
  EXPECT_EQ(watch.finished(), 2);
  EXPECT_EQ(watch.completed().trained, 1) << "the other was scored again";
  fs::remove_all(cells[1].folder);  // trained anew
  EXPECT_EQ(watch.finished(), 1);
}

TEST(GridWatch, KnowsItsShareOfTheCells) {
  const testing::TempFolder folder;
  const std::vector<Cell> cells = toy_cells(toy_grid(folder.path()));
  write_scored(cells.at(1));
  const GridWatch watch(cells, parse_share("2/2"));
  EXPECT_EQ(watch.missing(), 1);
  EXPECT_EQ(watch.text(), "1 of 2 cells finished");
}

TEST(GridWatch, TellsTimesRoughly) {
  EXPECT_EQ(rough_time(40.2), "40 s");
  EXPECT_EQ(rough_time(35 * 60 + 20), "35 min");
  EXPECT_EQ(rough_time(130 * 60), "2 h 10 min");
}

TEST(GridWatch, ItsNoteIsShownBehindThoseOfAJob) {
  const auto shown = std::make_shared<testing::NoteList>();
  const auto noted = with_note(shown, "cell 3 of 40, about 35 min left");
  noted->begin("training", 10, "steps");
  noted->update(1);
  noted->update(2, "loss 0.410");
  noted->end();
  EXPECT_THAT(shown->notes, ElementsAre("cell 3 of 40, about 35 min left",
                                        "loss 0.410, cell 3 of 40, about 35 min left"));
}

}  // namespace
}  // namespace retina::pipeline
