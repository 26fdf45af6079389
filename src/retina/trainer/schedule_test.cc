#include "retina/trainer/schedule.h"

#include <cmath>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/fixtures.h"

namespace retina::trainer {
namespace {

constexpr double kScheduleTolerance = 1e-12;  // relative; parity README section 8

TEST(ScheduleParity, schedule) {
  const auto path = testing::parity_root() / "retina" / "schedule.json";
  RETINA_SKIP_WITHOUT(path);
  const Json fixture = core::read_json(path);
  const auto base = fixture.at("base_lr").get<double>();
  const auto steps = fixture.at("max_iterations").get<std::int64_t>();
  const ScheduleOptions options{.power = fixture.at("power").get<double>()};
  const Json& expected = fixture.at("lr_used_by_step");
  ASSERT_FALSE(expected.empty());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const double rate =
        base * rate_factor(options, {.step = static_cast<std::int64_t>(k), .steps = steps});
    const auto wanted = expected[k].get<double>();
    EXPECT_NEAR(rate, wanted, kScheduleTolerance * wanted) << "step " << k;
  }
}

TEST(Schedule, OneCycleRisesToThePeakAndFallsToTheEnd) {
  const ScheduleOptions options{.kind = ScheduleKind::one_cycle};
  const std::int64_t steps = 100;
  const auto at_step = [&](std::int64_t k) {
    return rate_factor(options, {.step = k, .steps = steps});
  };

  EXPECT_NEAR(at_step(0), 1.0 / 25, 1e-12);
  EXPECT_NEAR(at_step(29), 1.0, 1e-12);
  EXPECT_NEAR(at_step(99), 1.0 / 25 / 1e4, 1e-12);
}

TEST(Schedule, CosineEndsAtTheFinalFactor) {
  const ScheduleOptions options{.kind = ScheduleKind::cosine, .final_factor = 0.1};
  EXPECT_DOUBLE_EQ(rate_factor(options, {.step = 0, .steps = 10}), 1.0);
  EXPECT_NEAR(rate_factor(options, {.step = 5, .steps = 10}), 0.55, 1e-12);
  EXPECT_NEAR(rate_factor(options, {.time_share = 1}), 0.1, 1e-12);
}

TEST(Schedule, WhicheverIsAheadDecides) {
  const ScheduleOptions options{.power = 1};
  EXPECT_NEAR(rate_factor(options, {.step = 11, .steps = 100, .time_share = 0.5}), 0.5, 1e-12);
  EXPECT_NEAR(rate_factor(options, {.step = 81, .steps = 100, .time_share = 0.5}), 0.2, 1e-12);
  EXPECT_NEAR(rate_factor(options, {.step = 500, .time_share = 0.25}), 0.75, 1e-12);
}

TEST(Schedule, StaysAtItsLastValueBeyondTheHorizon) {
  for (const ScheduleKind kind :
       {ScheduleKind::poly, ScheduleKind::one_cycle, ScheduleKind::cosine}) {
    const ScheduleOptions options{.kind = kind, .final_factor = 0.1};
    const double last = rate_factor(options, {.step = 1001, .steps = 1000});
    EXPECT_TRUE(std::isfinite(last)) << core::enum_name(kind);
    EXPECT_EQ(rate_factor(options, {.step = 5000, .steps = 1000}), last) << core::enum_name(kind);
  }
  EXPECT_EQ(rate_factor({}, {.step = 1001, .steps = 1000}), 0);
}

TEST(Schedule, WarmupRisesLinearly) {
  const ScheduleOptions options{.kind = ScheduleKind::constant, .warmup_steps = 4};
  for (std::int64_t k = 0; k < 6; ++k) {
    EXPECT_NEAR(rate_factor(options, {.step = k, .steps = 10}),
                std::min(1.0, static_cast<double>(k + 1) / 5), 1e-12);
  }
}

TEST(Schedule, ListsAllBadValues) {
  const ScheduleOptions options{.power = -1, .rise = 1};
  EXPECT_EQ(options.validate().size(), 2U);
}

}  // namespace
}  // namespace retina::trainer
