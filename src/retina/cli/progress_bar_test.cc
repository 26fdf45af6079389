#include "retina/cli/progress_bar.h"

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include <gtest/gtest.h>

namespace retina::cli {
namespace {

TEST(ProgressBar, LineHasShareRateAndTimeLeft) {
  EXPECT_EQ(
      progress_line("predict", {.unit = "windows", .total = 200, .done = 50, .seconds = 10}, "x"),
      "predict  25% 50/200 windows, 5 windows/s, 30 s left, x");
}

TEST(ProgressBar, SlowJobsShowSecondsEachAndUnknownTotalsNoShare) {
  EXPECT_EQ(progress_line("train", {.unit = "steps", .total = 4, .done = 2, .seconds = 60}, ""),
            "train  50% 2/4 steps, 30 s each, 1 min 0 s left");
  EXPECT_EQ(progress_line("read", {.unit = "MiB", .done = 3, .seconds = 1}, ""),
            "read 3 MiB, 3 MiB/s");
}

TEST(ProgressBar, WhatWasDoneBeforeSaysNothingOfTheSpeed) {
  EXPECT_EQ(
      progress_line("train",
                    {.unit = "steps", .total = 600, .done_before = 500, .done = 510, .seconds = 10},
                    ""),
      "train  85% 510/600 steps, 1 steps/s, 1 min 30 s left");
}

TEST(ProgressBar, AJobOfAGivenTimeShowsTimesAndNoRate) {
  EXPECT_EQ(progress_line("train", {.unit = "seconds", .total = 3600, .done = 180, .seconds = 170},
                          "step 7"),
            "train   5% 3 min 0 s of 1 h 0 min, step 7");
}

TEST(ProgressBar, TimesReadNaturally) {
  EXPECT_EQ(format_seconds(4.9), "4 s");
  EXPECT_EQ(format_seconds(95.2), "1 min 35 s");
  EXPECT_EQ(format_seconds(7260), "2 h 1 min");
}

TEST(ProgressBar, ShortJobsDrawNothing) {
  std::FILE* stream = std::tmpfile();
  ProgressBar bar(stream, false);
  bar.begin("quick", 10, "steps", 0);
  bar.update(10, "");
  bar.end();
  EXPECT_EQ(std::ftell(stream), 0);
  std::fclose(stream);
}

TEST(ProgressBar, AJobWithinAnotherGivesTheLineBack) {
  std::FILE* stream = std::tmpfile();
  ProgressBar bar(stream, false);
  bar.begin("outer", 2, "images", 0);
  bar.begin("inner", 10, "planes", 0);
  bar.update(10, "");
  bar.end();
  std::this_thread::sleep_for(std::chrono::milliseconds(2050));  // shorter jobs draw nothing
  bar.update(1, "");
  bar.end();
  bar.end();  // nothing is left
  bar.update(1, "");
  std::rewind(stream);
  std::string text(200, ' ');
  text.resize(std::fread(text.data(), 1, text.size(), stream));
  EXPECT_TRUE(text.starts_with("outer  50% 1/2 images")) << text;
  EXPECT_EQ(text.find("inner"), std::string::npos);
  std::fclose(stream);
}

}  // namespace
}  // namespace retina::cli
