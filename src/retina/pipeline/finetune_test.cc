#include "retina/pipeline/finetune.h"

#include <stop_token>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/model/model.h"
#include "retina/pipeline/finetune_test_data.h"
#include "retina/pipeline/run_config.h"
#include "retina/report/metrics_log.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

FinetuneReport run_toy(const Json& given, const core::Context& context) {
  return finetune(core::options_from_json<FinetuneOptions>(resolve_finetune(given, context)),
                  context);
}

FinetuneReport run_toy(const Json& given) {
  return run_toy(given, core::silent_context());
}

/// Asks to stop once `step` training steps are done.
class StopAt final : public core::Progress {
 public:
  StopAt(std::stop_source stop, std::int64_t step) : stop_(std::move(stop)), step_(step) {}
  void begin(std::string_view job, std::int64_t, std::string_view) override {
    training_ = job == "training";
  }
  void update(std::int64_t done, std::string_view) override {
    if (training_ && done >= step_) {
      stop_.request_stop();
    }
  }
  void end() override {}

 private:
  std::stop_source stop_;
  std::int64_t step_;
  bool training_ = false;
};

TEST(Finetune, RunFolderHoldsEverything) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  const fs::path run = folder / "run";
  given["output"] = run.string();

  const FinetuneReport report = run_toy(given);

  EXPECT_EQ(report.steps, 6);
  ASSERT_TRUE(report.best_validation_iou);
  EXPECT_GE(*report.best_validation_iou, 0);
  for (const char* name : {"config.yaml", "metrics.jsonl", "events.out.tfevents.retina", "log.txt",
                           "checkpoints", "model/model.json", "report.html"}) {
    EXPECT_TRUE(fs::exists(run / name)) << name;
  }
  EXPECT_EQ(model::load(run).card.classes.back().name, "square");
  EXPECT_THAT(core::read_text(run / "report.html"), ::testing::HasSubstr("data:image/png"));
  EXPECT_EQ(report::read_metrics(run / "metrics.jsonl").back()["step"], 6);
  for (const char* key : {"run", "steps", "seconds", "best_validation_iou"}) {
    EXPECT_TRUE(to_json(report).contains(key)) << key;
  }
}

TEST(Finetune, ResumedRunEqualsUninterruptedOne) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "whole").string();
  run_toy(given);
  given["output"] = (folder / "broken").string();
  std::stop_source stop;
  core::Context context = core::silent_context();
  context.progress = std::make_shared<StopAt>(stop, 3);
  context.stop = stop.get_token();
  EXPECT_THROW(run_toy(given, context), Error);

  const FinetuneReport resumed =
      run_toy({{"output", (folder / "broken").string()}, {"resume", true}});

  EXPECT_EQ(resumed.steps, 6);
  EXPECT_EQ(core::read_bytes(folder / "whole" / "model" / "weights.safetensors"),
            core::read_bytes(folder / "broken" / "model" / "weights.safetensors"));
  const auto whole = report::read_metrics(folder / "whole" / "metrics.jsonl");
  const auto broken = report::read_metrics(folder / "broken" / "metrics.jsonl");
  ASSERT_EQ(whole.size(), broken.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(whole[i]["step"], broken[i]["step"]);
    EXPECT_EQ(whole[i].value("loss", 0.0), broken[i].value("loss", 0.0));
  }
}

TEST(Finetune, ExtendsAFinishedRun) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "run").string();
  given["steps"] = 2;
  run_toy(given);
  const FinetuneReport longer =
      run_toy({{"output", (folder / "run").string()}, {"resume", true}, {"extend_to", 4}});
  EXPECT_EQ(longer.steps, 4);
}

TEST(Finetune, AnExistingRunIsNotOverwrittenUnasked) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "train").string();
  try {
    run_toy(given);
    FAIL() << "overwritten";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("exists"));
  }
  given["overwrite"] = true;  // not a run: still refused
  EXPECT_THROW(run_toy(given), Error);
  EXPECT_TRUE(fs::exists(folder / "train" / "images" / "slice0.png"));
}

TEST(Finetune, StartsFromTheWeightsOfAnotherRun) {
  const testing::TempFolder folder;
  Json given = toy_run(folder.path());
  given["output"] = (folder / "first").string();
  given["steps"] = 2;
  run_toy(given);
  given["output"] = (folder / "second").string();
  given["init"] = (folder / "first").string();
  EXPECT_EQ(run_toy(given).steps, 2);
  given["output"] = (folder / "third").string();
  given["network"]["layers"] = 2;
  EXPECT_THROW(run_toy(given), Error);
}

}  // namespace
}  // namespace retina::pipeline
