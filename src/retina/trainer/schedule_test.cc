#include "retina/trainer/schedule.h"

#include <cmath>
#include <complex>
#include <cstdio>
#include <string>

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
  const auto expect_rate = [&](std::int64_t step, std::int64_t of, const Json& wanted) {
    const double rate = base * rate_factor(options, {.step = step, .steps = of});
    EXPECT_NEAR(rate, wanted.get<double>(), kScheduleTolerance * wanted.get<double>())
        << "step " << step << " of " << of;
  };
  const Json& used = fixture.at("lr_used_by_step");
  const Json& set = fixture.at("lr_set_after_step");
  ASSERT_EQ(std::ssize(used), steps);
  ASSERT_EQ(std::ssize(set), steps);
  for (std::int64_t k = 0; k < steps; ++k) {
    expect_rate(k, steps, used[static_cast<std::size_t>(k)]);
    expect_rate(k + 1, steps, set[static_cast<std::size_t>(k)]);
  }
  for (const auto& [name, rates] : fixture.at("pretraining").items()) {
    int epochs = 0;
    int steps_per_epoch = 0;
    if (std::sscanf(name.c_str(), "example_max_epochs_%d_steps_%d", &epochs, &steps_per_epoch) ==
        2) {
      for (const auto& [step, rate] : rates.items()) {
        expect_rate(std::stoll(step), std::int64_t{epochs} * steps_per_epoch, rate);
      }
    }
  }
}

/// "0.003", or "(-4.5e-05+1.4e-05j)": a number as Python prints it.
std::complex<double> python_number(const std::string& text) {
  double real = 0;
  double imaginary = 0;
  if (std::sscanf(text.c_str(), "(%lf%lfj)", &real, &imaginary) == 2) {
    return {real, imaginary};
  }
  return std::stod(text);
}

/// The published trainer overshoots its horizon until the rate is the power of a negative number;
/// ours is the same while the rate is real, and then stays.
TEST(ScheduleParity, schedule_beyond_the_end) {
  const auto path = testing::parity_root() / "retina" / "schedule.json";
  RETINA_SKIP_WITHOUT(path);
  const Json fixture = core::read_json(path);
  const auto base = fixture.at("base_lr").get<double>();
  const auto steps = fixture.at("max_iterations").get<std::int64_t>();
  const ScheduleOptions options{.power = fixture.at("power").get<double>()};
  const Json& beyond = fixture.at("beyond_the_end");
  const Json& rates = beyond.at("lr_used_by_steps_" + std::to_string(steps) + "_and_later");
  double last = 0;
  std::int64_t step = steps;
  for (const Json& rate : rates) {
    const std::complex<double> published = python_number(rate.get<std::string>());
    const double left = 1 - static_cast<double>(step - 1) / static_cast<double>(steps);
    const auto formula = base * std::pow(std::complex<double>(left), options.power);
    EXPECT_LE(std::abs(published - formula), kScheduleTolerance * std::abs(formula)) << step;
    const double ours = base * rate_factor(options, {.step = step, .steps = steps});
    last = left >= 0 ? published.real() : last;
    EXPECT_NEAR(ours, last, kScheduleTolerance * last) << "step " << step;
    ++step;
  }
  const auto per_epoch = beyond.at("steps_per_epoch_in_this_run").get<std::int64_t>();
  const std::int64_t planned = (steps / per_epoch + 1) * per_epoch;
  EXPECT_EQ(beyond.at("steps_started_by_the_reference"), std::min(planned, steps + 3))
      << "it ends at the first complex rate, that of step N + 2";
  EXPECT_EQ(beyond.at("steps_started_by_the_reference"), step);
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
