#include "retina/pipeline/bench.h"

#include <gtest/gtest.h>

#include "retina/pipeline/finetune_test_data.h"

namespace retina::pipeline {
namespace {

/// Of a network that takes milliseconds.
BenchOptions toy_bench() {
  BenchOptions options{.figures = {},
                       .preset = "retina-tiny",
                       .device = "cpu",
                       .threads = 1,
                       .batch = 2,
                       .seconds = 0.01,
                       .network = toy_network()};
  options.network["pixel_stride"] = 1;
  return options;
}

TEST(Bench, GivesTheFiguresThatWereAsked) {
  BenchOptions options = toy_bench();
  options.figures = {"augment", "forward_default", "train_step"};
  const BenchReport report = bench(options, core::silent_context());
  ASSERT_EQ(report.figures.size(), 3U);
  for (const Figure& figure : report.figures) {
    EXPECT_GT(figure.ours, 0) << figure.name;
  }
  EXPECT_TRUE(to_json(report)["figures"][0]["ratio"].is_null());
}

TEST(Bench, PretrainingIsTheVerbItself) {
  BenchOptions options = toy_bench();
  options.figures = {"pretrain"};
  const BenchReport report = bench(options, core::silent_context());
  ASSERT_EQ(report.figures.size(), 1U);
  EXPECT_GT(report.figures[0].ours, 0);
  EXPECT_EQ(report.figures[0].unit, "images/s");
}

TEST(Bench, LayersComeInPlaceOfTheFigures) {
  BenchOptions options = toy_bench();
  options.layers = true;
  const BenchReport report = bench(options, core::silent_context());
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
