#include "retina/trainer/run_limits.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <fmt/format.h>

namespace retina::trainer {
namespace {

/// Share of a time limit that is kept free for what follows the last step, when no validation has
/// been timed yet.
constexpr double kUnmeasuredReserve = 0.06;
/// The same for writing the model and the report.
constexpr double kClosingReserve = 0.01;
/// A validation that takes a larger share of a time-limited run is not repeated on the way.
constexpr double kDearValidation = 0.05;
constexpr double kAutomaticValidations = 3;

bool out_of_patience(const RunMoment& now) {
  return now.options.patience > 0 && now.state.stale >= now.options.patience;
}

/// The time_share() `ahead_s` from now.
double share_after(const RunMoment& now, double ahead_s) {
  const double max_seconds = now.options.max_seconds;
  if (max_seconds <= 0) {
    return 0;
  }
  double reserve = kClosingReserve * max_seconds;
  if (now.validates) {
    reserve += now.state.validation_seconds > 0 ? 1.1 * now.state.validation_seconds
                                                : kUnmeasuredReserve * max_seconds;
  }
  const double available = std::max(max_seconds - reserve, 0.5 * max_seconds);
  return (now.seconds + ahead_s) / available;
}

double share_done(const RunMoment& now) {
  const auto steps = static_cast<double>(now.options.steps);
  const double by_steps = steps > 0 ? static_cast<double>(now.state.step) / steps : 0;
  return std::max(by_steps, time_share(now));
}

}  // namespace

bool is_finished(const RunMoment& now) {
  return all_steps_done(now) || out_of_time(now) || out_of_patience(now);
}

bool all_steps_done(const RunMoment& now) {
  return now.options.steps > 0 && now.state.step >= now.options.steps;
}

bool out_of_time(const RunMoment& now) {
  return now.options.max_seconds > 0 &&
         (time_share(now) >= 1 || share_after(now, now.state.seconds_per_step) > 1 ||
          now.state.ended_by_seconds >= now.options.max_seconds);
}

bool stopped_by_patience(const RunMoment& now) {
  const bool by_time =
      now.options.max_seconds > 0 && now.state.ended_by_seconds >= now.options.max_seconds;
  return out_of_patience(now) && !all_steps_done(now) && !by_time;
}

std::string patience_note(const LoopState& state) {
  std::string note = fmt::format("no better validation in {} in a row", state.stale);
  if (state.best_step >= 0) {
    note += fmt::format("; the best was step {}", state.best_step);
  }
  return note;
}

double time_share(const RunMoment& now) {
  return share_after(now, 0);
}

bool is_unvalidated(const RunMoment& now) {
  return now.validates && now.state.validated_step != now.state.step;
}

bool validation_is_due(const RunMoment& now) {
  if (!is_unvalidated(now)) {
    return false;
  }
  const LoopOptions& options = now.options;
  const LoopState& state = now.state;
  if (const std::vector<std::int64_t>& at = options.validate_at; !at.empty()) {
    return std::find(at.begin(), at.end(), state.step) != at.end();
  }
  if (options.validate_every > 0) {
    return state.step % options.validate_every == 0;
  }
  if (options.max_seconds > 0) {
    const bool dear = state.validation_seconds > kDearValidation * options.max_seconds;
    return !dear && share_done(now) * kAutomaticValidations >= state.validations + 1;
  }
  const auto third = static_cast<std::int64_t>(
      std::ceil(static_cast<double>(options.steps) / kAutomaticValidations));
  return state.step % third == 0;
}

}  // namespace retina::trainer
