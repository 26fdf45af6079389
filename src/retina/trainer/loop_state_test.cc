#include "retina/trainer/loop_state.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/options.h"
#include "retina/testing/bad_data.h"

namespace retina::trainer {
namespace {

std::string message_of_progress(const Json& progress) {
  return testing::bad_data_message(
      [&] { loop_state_of(progress, "step_00000012/checkpoint.json"); });
}

TEST(LoopState, ReadsBackWhatWasWritten) {
  LoopState state;
  state.step = 12;
  state.seconds = 1.5;
  state.seconds_per_step = 0.25;
  state.ended_by_seconds = 2;
  state.best_score = 0.5;
  const Json progress = core::options_to_json(state);
  EXPECT_EQ(core::options_to_json(loop_state_of(progress, "a")), progress);
  EXPECT_EQ(loop_state_of({{"step", 12}}, "a").best_step, -1) << "of an earlier version";
}

TEST(LoopState, WhereNoRunCanBeNamesTheFile) {
  using ::testing::AllOf;
  using ::testing::HasSubstr;
  for (const Json& progress :
       {Json(nullptr), Json::array(), Json{{"step", "12"}}, Json{{"step", -1}},
        Json{{"step", 9223372036854775807LL}}, Json{{"step", 1e300}}, Json{{"step", nullptr}},
        Json{{"seconds", -0.5}}, Json{{"seconds", 1e300}}, Json{{"seconds_per_step", -1}},
        Json{{"ended_by_seconds", -1}}, Json{{"validations", 2147483647}},
        Json{{"validations", -1}}, Json{{"stale", 1LL << 40}}, Json{{"best_score", "high"}},
        Json{{"steps", 12}}}) {
    EXPECT_THAT(message_of_progress(progress), HasSubstr("step_00000012/checkpoint.json"));
  }
  EXPECT_THAT(message_of_progress({{"step", -1}, {"stale", -2}}),
              AllOf(HasSubstr("step: -1"), HasSubstr("stale: -2")));
}

}  // namespace
}  // namespace retina::trainer
