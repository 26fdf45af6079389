#include "retina/report/metrics_log.h"

#include <fstream>

#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::report {
namespace {

TEST(MetricsLog, LinesAreReadBack) {
  const testing::TempFolder folder;
  MetricsLog log(folder.path(), -1);
  log.write(10, 1.5, {{"loss", 0.4}, {"note", "first"}});

  const std::vector<Json> lines = read_metrics(folder / "metrics.jsonl");

  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], (Json{{"step", 10}, {"wall_time", 1.5}, {"loss", 0.4}, {"note", "first"}}));
}

TEST(MetricsLog, ResumeDropsLaterAndTornLines) {
  const testing::TempFolder folder;
  {
    MetricsLog log(folder.path(), -1);
    for (int step : {10, 20, 30}) {
      log.write(step, step, {{"loss", 1.0 / step}});
    }
  }
  std::ofstream(folder / "metrics.jsonl", std::ios::app) << "{\"step\": 40, \"lo";

  MetricsLog(folder.path(), 20).write(21, 21, {{"loss", 0.0}});

  const std::vector<Json> lines = read_metrics(folder / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[1]["step"], 20);
  EXPECT_EQ(lines[2]["step"], 21);
}

TEST(MetricsLog, EventsOfAResumedRunEqualThoseOfAnUnbrokenOne) {
  const testing::TempFolder whole;
  const testing::TempFolder broken;
  {
    MetricsLog a(whole.path(), -1);
    MetricsLog b(broken.path(), -1);
    for (MetricsLog* log : {&a, &b}) {
      log->write(1, 0.5, {{"loss", 0.25}});
    }
    b.write(2, 0.75, {{"loss", 0.5}});
    MetricsLog(broken.path(), 1).write(2, 1, {{"loss", 0.125}});
    a.write(2, 1, {{"loss", 0.125}});
  }
  EXPECT_EQ(core::read_bytes(whole / "events.out.tfevents.retina"),
            core::read_bytes(broken / "events.out.tfevents.retina"));
}

TEST(MetricsLog, FiguresThatAreNoNumbersAreNone) {
  const testing::TempFolder folder;
  core::write_atomically(
      folder / "metrics.jsonl",
      std::string_view("{\"step\": 1, \"wall_time\": \"late\", \"loss\": null}\n"));
  MetricsLog(folder.path(), 1).write(2, 1, {{"loss", 0.125}});
  const std::vector<Json> lines = read_metrics(folder / "metrics.jsonl");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_FALSE(number_in(lines[0], "wall_time"));
  EXPECT_FALSE(number_in(lines[0], "loss"));
  EXPECT_FALSE(number_in(lines[0], "rate"));
  EXPECT_EQ(number_in(lines[1], "loss"), 0.125);
}

TEST(MetricsLog, AStepThatNoRunReachesIsADefect) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "metrics.jsonl",
                         std::string_view("{\"step\": 18446744073709551615}\n{\"step\": 2}\n"));
  EXPECT_THROW(read_metrics(folder / "metrics.jsonl"), Error);
}

TEST(MetricsLog, ADefectBeforeTheEndIsAnError) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "metrics.jsonl",
                         std::string_view("{\"step\": 1}\nnonsense\n{\"step\": 2}\n"));
  EXPECT_THROW(read_metrics(folder / "metrics.jsonl"), Error);
}

}  // namespace
}  // namespace retina::report
