#include "retina/pipeline/pretrain/pretrain.h"

#include <algorithm>
#include <cmath>

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

/// Step and rate of every line of the log.
std::vector<std::pair<std::int64_t, double>> rates_of(const fs::path& run) {
  std::vector<std::pair<std::int64_t, double>> rates;
  for (const Json& line : report::read_metrics(run / "metrics.jsonl")) {
    rates.emplace_back(line.at("step").get<std::int64_t>(), line.at("learning_rate").get<double>());
  }
  return rates;
}

TEST(Pretrain, RateAndCheckpointsCountEpochs) {  // of one whole batch each here
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["steps"] = 0;
  given["epochs"] = 5;
  given["max_epochs"] = 10;
  given["checkpoint_epochs"] = 2;
  given["keep"] = "all";
  given["pictures_every"] = 0;
  given["optimizer"] = {{"kind", "sgd"}, {"learning_rate", 0.003}, {"weight_decay", 1e-4}};
  given["schedule"] = {{"kind", "poly"}, {"power", 0.9}, {"warmup_steps", 0}};
  EXPECT_EQ(run_pretraining(given).steps, 5);
  EXPECT_EQ(trainer::checkpoint_steps(folder / "run/checkpoints"),
            (std::vector<std::int64_t>{2, 4, 5}));
  const auto rates = rates_of(folder / "run");
  ASSERT_EQ(rates.size(), 5U);
  for (const auto& [step, rate] : rates) {
    const std::int64_t done =
        std::max<std::int64_t>(0, step - 2);  // as the published scheduler counts
    EXPECT_NEAR(rate, 0.003 * std::pow(1 - static_cast<double>(done) / 10, 0.9), 1e-9) << step;
  }
}

TEST(Pretrain, ARunBeyondItsHorizonIsToldThatNothingMoreIsLearnt) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["steps"] = 5;
  given["max_epochs"] = 2;
  given["pictures_every"] = 0;
  given["schedule"] = {{"kind", "poly"}, {"warmup_steps", 0}};
  run_pretraining(given);
  EXPECT_THAT(core::read_text(folder / "run/log.txt"),
              ::testing::HasSubstr("from step 4 of 5 on the learning rate is 0 and nothing is "
                                   "learnt"));
  const auto rates = rates_of(folder / "run");
  ASSERT_EQ(rates.size(), 5U);
  EXPECT_GT(rates[2].second, 0);
  EXPECT_EQ(rates[3].second, 0);
}

TEST(Pretrain, RunFolderHoldsEverything) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  const fs::path run = folder / "run";
  given["output"] = run.string();

  const PretrainReport report = run_pretraining(given);

  EXPECT_EQ(report.steps, 6);
  EXPECT_EQ(report.epochs, 6);  // six images, one batch of four an epoch
  EXPECT_GT(report.loss.value(), 0);
  EXPECT_GT(report.input_error.value(), 0);
  for (const char* name :
       {"config.yaml", "metrics.jsonl", "log.txt", "checkpoints", "model/model.json", "report.html",
        "pictures/step_00000003.png", "pictures/step_00000006.png"}) {
    EXPECT_TRUE(fs::exists(run / name)) << name;
  }
  EXPECT_THAT(core::read_text(run / "report.html"), ::testing::HasSubstr("data:image/png"));
  const Json line = report::read_metrics(run / "metrics.jsonl").back();
  for (const char* key : {"loss", "input_error", "output_std", "images_per_second", "device_busy",
                          "seconds_left", "epoch"}) {
    EXPECT_TRUE(line.contains(key)) << key;
  }
}

TEST(Pretrain, ResumedRunEqualsUninterruptedOne) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "whole").string();
  run_pretraining(given);
  given["output"] = (folder / "broken").string();
  const core::Context context = testing::stopping_context(
      [](const testing::Reported& reported) { return reported.is_update() && reported.done >= 3; });
  EXPECT_THROW(run_pretraining(given, context), Error);

  run_pretraining({{"output", (folder / "broken").string()}, {"resume", true}});

  EXPECT_EQ(core::read_bytes(folder / "whole/model/weights.safetensors"),
            core::read_bytes(folder / "broken/model/weights.safetensors"));
  EXPECT_EQ(core::read_text(folder / "whole/model/model.json"),
            core::read_text(folder / "broken/model/model.json"));
  EXPECT_EQ(core::read_bytes(folder / "whole/pictures/step_00000006.png"),
            core::read_bytes(folder / "broken/pictures/step_00000006.png"));
}

TEST(Pretrain, TheCardCountsTheImagesThatWereTrainedOn) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given.erase("images");
  given["data"] = {{{"images", (folder / "raw").string()}, {"slices", "0:5"}}};
  given["steps"] = 1;
  given["output"] = (folder / "run").string();
  const PretrainReport planned = run_pretraining(core::merge(given, Json{{"dry_run", true}}));
  EXPECT_EQ(planned.plan->images, 5);
  run_pretraining(given);
  EXPECT_EQ(model::load(folder / "run").card.provenance.at("images"), 5);
  EXPECT_THAT(core::read_text(folder / "run/report.html"),
              ::testing::HasSubstr("<td>images</td><td>5</td>"));
}

TEST(Pretrain, TheCardOfAResumedRunHasItsFiguresAtOnce) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["log_every"] = 3;
  const auto stop_at = [](std::int64_t step) {
    return testing::stopping_context([step](const testing::Reported& reported) {
      return reported.is_update() && reported.done >= step;
    });
  };
  EXPECT_THROW(run_pretraining(given, stop_at(3)), Error);
  const Json before = model::load(folder / "run").card.metrics;
  EXPECT_GT(before.at("loss"), 0.0);
  EXPECT_THROW(run_pretraining({{"output", given["output"]}, {"resume", true}}, stop_at(4)), Error);
  EXPECT_EQ(model::load(folder / "run").card.provenance.at("steps"), 4);
  EXPECT_EQ(model::load(folder / "run").card.metrics, before);
}

TEST(Pretrain, TheCardTellsWhatTheModelWasMadeOf) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["steps"] = 1;
  const auto data_of = [&](const char* run) {
    given["output"] = (folder / run).string();
    run_pretraining(given);
    return model::load(folder / run).card.provenance.at("data");
  };
  const Json data = data_of("first");
  ASSERT_EQ(data.at("sources").size(), 1U);
  EXPECT_EQ(data.at("sources")[0], (Json{{"images", (folder / "raw").string()}, {"slices", 6}}));
  EXPECT_EQ(data.at("digest_of"), "6 of 6 planes");
  EXPECT_EQ(data_of("second"), data);
  fs::remove(folder / "raw/image2.png");
  write_toy_png(folder / "raw/image2.png", 64, 11, false);
  EXPECT_NE(data_of("third").at("digest"), data.at("digest"));
}

TEST(Pretrain, AFinishedRunThatIsResumedKeepsItsFigures) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["steps"] = 2;
  const PretrainReport first = run_pretraining(given);
  const PretrainReport again =
      run_pretraining({{"output", (folder / "run").string()}, {"resume", true}});
  EXPECT_EQ(again.steps, 2);
  EXPECT_DOUBLE_EQ(again.loss.value(), first.loss.value());
  EXPECT_DOUBLE_EQ(again.input_error.value(), first.input_error.value());
}

TEST(Pretrain, ImagesOfOneGreyValueAreRefusedAtTheStart) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  core::Array grey(core::DType::u8, 1, {4, 64, 64});
  std::fill(grey.values<std::uint8_t>().begin(), grey.values<std::uint8_t>().end(), 90);
  const auto volume = store::create((folder / "grey.zarr").string(), {.shape = grey.shape()});
  volume->write(core::whole(grey.shape()), grey);
  volume->finish();
  given["images"] = {(folder / "grey.zarr").string()};
  given["output"] = (folder / "run").string();
  try {
    run_pretraining(given);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("one grey value everywhere"));
  }
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(Pretrain, ATimeLimitTooShortForOneStepKeepsNothing) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["output"] = (folder / "run").string();
  given["max_seconds"] = 1e-6;
  try {
    run_pretraining(given);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("max_seconds"));
  }
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST(Pretrain, ADivergedRunStopsAndKeepsItsLastGoodCheckpoint) {
  const testing::TempFolder folder;
  Json given = toy_pretraining(folder.path());
  given["checkpoint_every"] = 1;
  given["steps"] = 50;
  given["output"] = (folder / "diverged").string();
  given["optimizer"] = {{"learning_rate", 1e12}};
  try {
    run_pretraining(given);
    FAIL() << "not noticed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("not a number"));
  }
  const auto kept = trainer::checkpoint_steps(folder / "diverged/checkpoints");
  ASSERT_THAT(kept, ::testing::Not(::testing::IsEmpty()));
  for (const std::int64_t step : kept) {
    const trainer::Checkpoint checkpoint =
        trainer::load_checkpoint(trainer::checkpoint_folder(folder / "diverged/checkpoints", step));
    for (const auto& [name, tensor] : checkpoint.weights.tensors) {
      EXPECT_TRUE(tensor.isfinite().all().item<bool>()) << name;
    }
  }
}

}  // namespace
}  // namespace retina::pipeline
