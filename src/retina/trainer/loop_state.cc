#include "retina/trainer/loop_state.h"

#include "retina/core/problem_list.h"
#include "retina/core/record.h"

namespace retina::trainer {

std::vector<Problem> LoopState::validate() const {
  constexpr double kMostSteps = 0x1p53;  // ranks tell each other steps as doubles
  ProblemList problems;
  problems.within("step", static_cast<double>(step), 0, kMostSteps);
  problems.within("best_step", static_cast<double>(best_step), -1, kMostSteps);
  problems.within("validated_step", static_cast<double>(validated_step), -1, kMostSteps);
  constexpr double kMostValidations = 1e9;  // there will be more
  problems.within("validations", validations, 0, kMostValidations);
  problems.within("stale", stale, 0, kMostValidations);
  problems.within("seconds", seconds, 0, kMostSteps);
  problems.within("seconds_per_step", seconds_per_step, 0, kMostSteps);
  problems.within("ended_by_seconds", ended_by_seconds, 0, kMostSteps);
  problems.within("validation_seconds", validation_seconds, 0, kMostSteps);
  return problems.take();
}

LoopState loop_state_of(const Json& progress, const std::string& source) {
  LoopState state;
  core::from_record(state, progress, source);
  throw_if_any(ErrorKind::bad_data, source, state.validate());
  return state;
}

}  // namespace retina::trainer
