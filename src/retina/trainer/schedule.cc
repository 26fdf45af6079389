#include "retina/trainer/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "retina/core/problem_list.h"

namespace retina::trainer {
namespace {

/// Cosine from `from` at share 0 to `to` at share 1.
double anneal(double from, double to, double share) {
  return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * std::clamp(share, 0.0, 1.0)));
}

double one_cycle(const ScheduleOptions& options, double share, double rise) {
  const double first = 1 / options.start_divisor;
  const double last = first / options.final_divisor;
  if (share <= rise) {
    return anneal(first, 1, rise > 0 ? share / rise : 1);
  }
  return anneal(1, last, (share - rise) / (1 - rise));
}

double by_share(const ScheduleOptions& options, double share) {
  switch (options.kind) {
    case ScheduleKind::poly:
      return std::pow(1 - std::clamp(share, 0.0, 1.0), options.power);
    case ScheduleKind::one_cycle:
      return one_cycle(options, share, options.rise);
    case ScheduleKind::cosine:
      return anneal(1, options.final_factor, share);
    case ScheduleKind::constant:
      return 1;
  }
  return 1;
}

double by_step(const ScheduleOptions& options, double step, double steps) {
  if (options.kind == ScheduleKind::poly) {
    return by_share(options, std::max(step - 1, 0.0) / steps);
  }
  if (options.kind == ScheduleKind::one_cycle && steps > 1) {
    return one_cycle(options, step / (steps - 1), (options.rise * steps - 1) / (steps - 1));
  }
  return by_share(options, step / steps);
}

}  // namespace

std::vector<Problem> ScheduleOptions::validate() const {
  ProblemList problems;
  problems.at_least("schedule.power", power, 0);
  problems.below("schedule.rise", rise, 0, 1);
  problems.above("schedule.start_divisor", start_divisor, 0);
  problems.above("schedule.final_divisor", final_divisor, 0);
  problems.at_least("schedule.final_factor", final_factor, 0);
  problems.at_least("schedule.warmup_steps", static_cast<double>(warmup_steps), 0);
  return problems.take();
}

double rate_factor(const ScheduleOptions& options, const RunPosition& position) {
  const auto step = static_cast<double>(position.step);
  const auto steps = static_cast<double>(position.steps);
  const double time_share = std::clamp(position.time_share, 0.0, 1.0);
  const bool time_decides = position.steps == 0 || time_share > step / steps;
  double factor = time_decides ? by_share(options, time_share) : by_step(options, step, steps);
  if (options.kind != ScheduleKind::one_cycle && position.step < options.warmup_steps) {
    factor *= (step + 1) / static_cast<double>(options.warmup_steps + 1);
  }
  return factor;
}

}  // namespace retina::trainer
