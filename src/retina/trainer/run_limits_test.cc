#include "retina/trainer/run_limits.h"

#include <gtest/gtest.h>

namespace retina::trainer {
namespace {

TEST(RunLimits, TimeIsKeptFreeForWhatFollowsTheLastStep) {
  const LoopOptions options{.max_seconds = 100};
  LoopState state;
  const auto share = [&](double seconds, bool validates) {
    return time_share(
        {.options = options, .state = state, .seconds = seconds, .validates = validates});
  };
  EXPECT_DOUBLE_EQ(share(99, false), 1);
  EXPECT_DOUBLE_EQ(share(93, true), 1) << "no validation has been timed yet";
  state.validation_seconds = 10;
  EXPECT_DOUBLE_EQ(share(88, true), 1);
  state.validation_seconds = 60;
  EXPECT_DOUBLE_EQ(share(50, true), 1) << "half of the time at least is for steps";
}

TEST(RunLimits, TimeIsOverWhereNoFurtherStepFitsOrItEndedTheRunBefore) {
  const LoopOptions options{.max_seconds = 12};
  LoopState state;
  state.seconds_per_step = 5;
  const auto is_over = [&](double seconds) {
    return out_of_time(
        {.options = options, .state = state, .seconds = seconds, .validates = false});
  };
  EXPECT_FALSE(is_over(5));
  EXPECT_TRUE(is_over(10));
  state.ended_by_seconds = 10;
  EXPECT_FALSE(is_over(5)) << "the limit was lower";
  state.ended_by_seconds = 12;
  EXPECT_TRUE(is_over(5));
}

TEST(RunLimits, PatienceStopsOnlyWhatNothingElseEnds) {
  const LoopOptions options{.steps = 10, .max_seconds = 100, .patience = 2};
  LoopState state;
  state.step = 5;
  const RunMoment now{.options = options, .state = state, .seconds = 50, .validates = true};
  state.stale = 1;
  EXPECT_FALSE(is_finished(now));
  state.stale = 2;
  EXPECT_TRUE(is_finished(now));
  EXPECT_TRUE(stopped_by_patience(now));
  state.ended_by_seconds = 100;
  EXPECT_FALSE(stopped_by_patience(now));
  state.ended_by_seconds = 0;
  state.step = 10;
  EXPECT_FALSE(stopped_by_patience(now));
}

TEST(RunLimits, AutomaticValidationIsAfterEachThirdUnlessItIsDear) {
  const LoopOptions by_steps{.steps = 10};
  LoopState state;
  state.step = 4;
  EXPECT_TRUE(
      validation_is_due({.options = by_steps, .state = state, .seconds = 0, .validates = true}));
  EXPECT_FALSE(
      validation_is_due({.options = by_steps, .state = state, .seconds = 0, .validates = false}));
  state.validated_step = 4;
  EXPECT_FALSE(
      validation_is_due({.options = by_steps, .state = state, .seconds = 0, .validates = true}));

  const LoopOptions by_time{.max_seconds = 100};
  state.validated_step = -1;
  const auto is_due_after = [&](double seconds) {
    return validation_is_due(
        {.options = by_time, .state = state, .seconds = seconds, .validates = true});
  };
  EXPECT_FALSE(is_due_after(30));
  EXPECT_TRUE(is_due_after(35));
  state.validation_seconds = 6;
  EXPECT_FALSE(is_due_after(35));
}

}  // namespace
}  // namespace retina::trainer
