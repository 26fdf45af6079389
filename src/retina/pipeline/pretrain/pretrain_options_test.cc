#include "retina/pipeline/pretrain/pretrain_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/trainer/schedule.h"

namespace retina::pipeline {
namespace {

TEST(PretrainOptions, DefaultsAreThePublishedProcedure) {  // retina.md 2
  PretrainOptions options = core::options_from_json<PretrainOptions>(
      resolve_pretrain({{"images", {"patches"}}, {"output", "run"}}, core::silent_context()));
  EXPECT_EQ(options.batch, 256);
  EXPECT_EQ(options.ghost_batch, 16);
  EXPECT_EQ(options.optimizer.kind, trainer::OptimizerKind::sgd);
  EXPECT_EQ(options.optimizer.learning_rate, 0.003);
  EXPECT_EQ(options.optimizer.momentum, 0.9);
  EXPECT_EQ(options.optimizer.weight_decay, 1e-4);
  EXPECT_EQ(options.schedule.kind, trainer::ScheduleKind::poly);
  EXPECT_EQ(options.schedule.power, 0.9);
  EXPECT_EQ(options.epochs, 200);
  EXPECT_EQ(options.max_epochs, 5000);
  EXPECT_EQ(options.checkpoint_epochs, 20);
  EXPECT_EQ(options.seed, 1234U);
  EXPECT_EQ(options.shuffle, data::Shuffle::same_each_epoch);
  EXPECT_EQ(options.precision, tensor::Precision::fp32);
  EXPECT_EQ(options.augment.application, augment::Application::published);
  EXPECT_EQ(options.augment.rotate_limit, 90);
  EXPECT_EQ(options.augment.order, augment::Order::rotate_first);
  EXPECT_EQ(options.network.hidden, 192);
  EXPECT_EQ(options.network.window, 224);
  // the rate after 200 of 5000 epochs
  EXPECT_NEAR(
      0.003 * trainer::rate_factor(options.schedule, {.step = 200 * 1940, .steps = 5000 * 1940}),
      0.00289, 5e-6);
}

TEST(PretrainOptions, WhatIsNoTableWhereOneBelongsIsAMistakeOfTheUser) {
  for (const char* key : {"augment", "network"}) {
    try {
      resolve_pretrain({{"images", {"patches"}}, {"output", "run"}, {key, "published"}},
                       core::silent_context());
      FAIL() << key;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      EXPECT_THAT(error.what(), ::testing::HasSubstr(key));
    }
  }
}

TEST(PretrainOptions, PresetsOfOurOwnTakeWhatIsFaster) {
  const auto options = core::options_from_json<PretrainOptions>(
      resolve_pretrain({{"preset", "retina-tiny"},
                        {"images", {"patches"}},
                        {"output", "run"},
                        {"augment", {{"rotate_limit", 45}}}},
                       core::silent_context()));
  EXPECT_EQ(options.shuffle, data::Shuffle::each_epoch);
  EXPECT_EQ(options.precision, tensor::Precision::automatic);
  EXPECT_EQ(options.augment.application, augment::Application::composed);
  EXPECT_EQ(options.augment.rotate_limit, 45);
  EXPECT_EQ(options.optimizer.kind, trainer::OptimizerKind::adamw);
  EXPECT_EQ(options.batch, 32);
  EXPECT_EQ(options.network.window, 224);
  EXPECT_EQ(options.augment.size, 224);
}

}  // namespace
}  // namespace retina::pipeline
