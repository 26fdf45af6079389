#include "retina/pipeline/bench.h"

#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

TEST(Bench, GivesTheFiguresThatWereAsked) {
  const BenchReport report = bench({.figures = {"augment", "forward_default", "train_step"},
                                    .preset = "retina-tiny",
                                    .device = "cpu",
                                    .batch = 1,
                                    .seconds = 0.1},
                                   core::silent_context());
  ASSERT_EQ(report.figures.size(), 3U);
  for (const Figure& figure : report.figures) {
    EXPECT_GT(figure.ours, 0) << figure.name;
  }
  EXPECT_TRUE(to_json(report)["figures"][0]["ratio"].is_null());
}

TEST(Bench, PretrainingIsTheVerbItself) {
  const BenchReport report = bench({.figures = {"pretrain"},
                                    .preset = "retina-tiny",
                                    .device = "cpu",
                                    .batch = 2,
                                    .seconds = 0.1},
                                   core::silent_context());
  ASSERT_EQ(report.figures.size(), 1U);
  EXPECT_GT(report.figures[0].ours, 0);
  EXPECT_EQ(report.figures[0].unit, "images/s");
}

TEST(Bench, LayersComeInPlaceOfTheFigures) {
  const BenchReport report = bench({.figures = {},
                                    .preset = "retina-tiny",
                                    .device = "cpu",
                                    .batch = 1,
                                    .seconds = 0.01,
                                    .layers = true},
                                   core::silent_context());
  EXPECT_TRUE(report.figures.empty());
  ASSERT_TRUE(report.roofline);
  EXPECT_EQ(to_json(report)["layers"][0]["name"], "root");
}

TEST(Bench, UnknownFigureIsRefusedWithASuggestion) {
  try {
    core::options_from_json<BenchOptions>({{"figures", {"forward_fp16"}}});
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("did you mean 'forward_fp32'?"), std::string::npos);
  }
}

}  // namespace
}  // namespace retina::pipeline
