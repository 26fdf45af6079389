#include "retina/pipeline/bench/bench.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/lock.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/testing/temp_folder.h"

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

TEST(Bench, TraceIsATimelineOfTrainingSteps) {
  const testing::TempFolder scratch;
  BenchOptions options = toy_bench();
  options.trace = scratch / "steps.json";
  EXPECT_TRUE(bench(options, core::silent_context()).figures.empty());
  const Json trace = core::read_json(options.trace);
  std::size_t convolutions = 0;
  for (const Json& event : trace.at("traceEvents")) {
    convolutions += event.value("name", "") == "aten::convolution" ? 1 : 0;
  }
  EXPECT_GT(convolutions, 0U);
  EXPECT_EQ(convolutions % 3, 0U) << "three equal steps";
}

TEST(Bench, ATraceThatAnotherProcessWritesIsRefused) {
  const testing::TempFolder scratch;
  BenchOptions options = toy_bench();
  options.trace = scratch / "steps.json";
  const core::OutputLock other(options.trace);
  try {
    bench(options, core::silent_context());
    FAIL() << "not noticed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
  }
  EXPECT_FALSE(std::filesystem::exists(options.trace));
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
