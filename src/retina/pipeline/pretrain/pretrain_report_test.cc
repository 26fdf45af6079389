// What a pre-training run leaves when it does not reach its end.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/model/model.h"
#include "retina/pipeline/pretrain/pretrain_test_data.h"
#include "retina/report/metrics_log.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"
#include "retina/trainer/checkpoint.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

trainer::Checkpoint checkpoint_of(const fs::path& run, std::int64_t step) {
  return trainer::load_checkpoint(trainer::checkpoint_folder(run / "checkpoints", step));
}

TEST(PretrainReport, IsThereWhileTheRunGoesOn) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["pictures_every"] = 3;
  const fs::path page = folder / "run/report.html";
  std::string after_pictures;
  const core::Context context = testing::stopping_context([&](const testing::Reported& reported) {
    if (reported.is_update() && reported.done == 4 && fs::exists(page)) {
      after_pictures = core::read_text(page);
    }
    return false;
  });
  run_pretraining(given, context);
  EXPECT_THAT(after_pictures, HasSubstr("<td>state</td><td>under way</td>"));
  EXPECT_THAT(after_pictures, HasSubstr("<td>steps</td><td>3</td>"));
  EXPECT_THAT(after_pictures, HasSubstr("data:image/png"));
  EXPECT_THAT(after_pictures, HasSubstr("<td>seconds left</td>"));
  EXPECT_THAT(core::read_text(page),
              ::testing::AllOf(HasSubstr("<td>state</td><td>finished</td>"),
                               ::testing::Not(HasSubstr("<td>seconds left</td>"))));
}

TEST(PretrainReport, IsWrittenWithCheckpoints) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["pictures_every"] = 0;
  given["checkpoint_every"] = 2;
  const fs::path page = folder / "run/report.html";
  std::string after_checkpoint;
  const core::Context context = testing::stopping_context([&](const testing::Reported& reported) {
    if (reported.is_update() && reported.done == 3 && fs::exists(page)) {
      after_checkpoint = core::read_text(page);
    }
    return false;
  });
  run_pretraining(given, context);
  EXPECT_THAT(after_checkpoint, HasSubstr("<td>steps</td><td>2</td>"));
  EXPECT_THAT(after_checkpoint, HasSubstr("data:image/png"));
}

TEST(PretrainReport, TellsThatTheRunWasStopped) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["pictures_every"] = 0;
  const core::Context context = testing::stopping_context(
      [](const testing::Reported& reported) { return reported.is_update() && reported.done >= 3; });
  EXPECT_THROW(run_pretraining(given, context), Error);
  const std::string page = core::read_text(folder / "run/report.html");
  EXPECT_THAT(page, HasSubstr("stopped after 3 steps"));
  EXPECT_THAT(page, HasSubstr("<td>steps</td><td>3</td>"));
}

/// Weight decay that outgrows learning: every weight goes to zero, and the output to a constant.
/// The first steps are good ones.
Json collapsing_pretraining(const fs::path& folder) {
  Json given = toy_pretraining(folder);
  given["optimizer"] = {{"kind", "adamw"},
                        {"learning_rate", 1e-3},
                        {"weight_decay", 1e3},
                        {"decay_vectors", true},
                        {"clip_norm", 0}};
  given["schedule"] = {{"kind", "poly"}, {"warmup_steps", 20}};
  given["max_epochs"] = 5000;
  given["checkpoint_every"] = 4;
  given["collapse_after"] = 20;
  given["pictures_every"] = 0;
  return given;
}

TEST(PretrainReport, ACollapsedRunEndsWithTheReasonAndItsLastGoodCheckpoint) {
  const testing::TempFolder folder;
  Json given = collapsing_pretraining(folder.path());
  const fs::path run = folder / "collapsed";
  given["output"] = run.string();
  given["steps"] = 400;
  try {
    run_pretraining(given);
    FAIL() << "not noticed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), HasSubstr("an almost constant output"));
    EXPECT_THAT(error.what(), HasSubstr("lower optimizer.learning_rate"));
  }
  EXPECT_THAT(core::read_text(run / "report.html"),
              HasSubstr("<td>state</td><td>ended: pre-training, step "));
  EXPECT_THAT(core::read_text(run / "report.html"), HasSubstr("an almost constant output"));

  const std::vector<std::int64_t> kept = trainer::checkpoint_steps(run / "checkpoints");
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_LT(kept.front(), 20);  // weights that vanish are not what is kept
  EXPECT_EQ(model::load(run).card.provenance.at("steps"), kept.front());
  double largest = 0;
  for (const auto& [name, tensor] : checkpoint_of(run, kept.front()).weights.tensors) {
    if (tensor.dim() > 1) {  // kernels
      largest = std::max(largest, tensor.abs().max().item<double>());
    }
  }
  EXPECT_GT(largest, 1e-2);
}

TEST(PretrainReport, AResumedRunKeepsTheGoodCheckpointThatItStartedFrom) {
  const testing::TempFolder folder;
  Json given = collapsing_pretraining(folder.path());
  const fs::path run = folder / "collapsed";
  given["output"] = run.string();
  given["steps"] = 400;
  given["checkpoint_every"] = 16;  // constant, and not yet judged by collapse_after
  const core::Context stopping = testing::stopping_context(
      [](const testing::Reported& reported) { return reported.is_update() && reported.done >= 3; });
  EXPECT_THROW(run_pretraining(given, stopping), Error);
  EXPECT_EQ(trainer::checkpoint_steps(run / "checkpoints"), (std::vector<std::int64_t>{3}));

  EXPECT_THROW(run_pretraining({{"output", run.string()}, {"resume", true}}), Error);

  EXPECT_EQ(trainer::checkpoint_steps(run / "checkpoints"), (std::vector<std::int64_t>{3}));
  EXPECT_EQ(model::load(run).card.provenance.at("steps"), 3);
}

TEST(PretrainReport, LeavesOutWhatWasNeverMeasured) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["steps"] = 50;
  given["log_every"] = 50;
  given["checkpoint_every"] = 60;
  given["pictures_every"] = 0;
  given["optimizer"] = {{"learning_rate", 1e12}};
  EXPECT_THROW(run_pretraining(given), Error);
  const std::string page = core::read_text(folder / "run/report.html");
  EXPECT_THAT(page, HasSubstr("not a number"));
  for (const char* name : {"steps", "epochs", "loss", "device busy"}) {
    EXPECT_THAT(page, ::testing::Not(HasSubstr(std::string("<td>") + name + "</td>"))) << name;
  }
  EXPECT_TRUE(to_json(PretrainReport{}).at("loss").is_null());
  EXPECT_THAT(to_text(PretrainReport{}), ::testing::Not(HasSubstr("loss")));
}

TEST(PretrainReport, RunsByTheClockTellTheSecondsLeft) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["steps"] = 0;
  given["epochs"] = 0;
  given["max_seconds"] = 3;
  given["pictures_every"] = 0;
  run_pretraining(given);
  double before = 3;
  for (const Json& line : report::read_metrics(folder / "run/metrics.jsonl")) {
    const double left = line.at("seconds_left").get<double>();
    EXPECT_LT(left, before) << line.at("step");
    EXPECT_GE(left, 0);
    before = left;
  }
  given["output"] = (folder / "both").string();
  given["steps"] = 2;
  given["max_seconds"] = 100000;
  run_pretraining(given);
  EXPECT_EQ(report::read_metrics(folder / "both/metrics.jsonl").back().at("seconds_left"), 0);
}

}  // namespace
}  // namespace retina::pipeline
