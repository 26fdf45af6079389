#pragma once

#include <string>

#include "retina/trainer/loop_options.h"
#include "retina/trainer/loop_state.h"

/// What the limits of a run (steps, time, patience) say after each step: how far it is, whether it
/// ends, and whether it validates on the way.
namespace retina::trainer {

/// All that these decisions depend on.
struct RunMoment {
  const LoopOptions& options;
  const LoopState& state;
  double seconds;  ///< of training until now, earlier parts of a resumed run included
  bool validates;  ///< there is a validation
};

/// By whichever limit.
bool is_finished(const RunMoment& now);
bool all_steps_done(const RunMoment& now);
/// Not even one more step would end in time, or the run was ended by this limit before.
bool out_of_time(const RunMoment& now);
/// And by nothing else: the closing validation of a run that time has ended may be a stale one.
bool stopped_by_patience(const RunMoment& now);
/// "no better validation in 3 in a row; the best was step 120".
std::string patience_note(const LoopState& state);

/// Share of the time for training steps that has passed: of the limit less what must follow the
/// last one. 0 without a limit.
double time_share(const RunMoment& now);

/// The run validates, but has not done so since its last step.
bool is_unvalidated(const RunMoment& now);
/// At the steps that the options name, or by automatic validation (see TrainLoop).
bool validation_is_due(const RunMoment& now);

}  // namespace retina::trainer
