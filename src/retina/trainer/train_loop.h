#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/data/batch.h"
#include "retina/trainer/batch_gradients.h"
#include "retina/trainer/checkpoint.h"
#include "retina/trainer/gradient_exchange.h"
#include "retina/trainer/loop_options.h"
#include "retina/trainer/loop_state.h"
#include "retina/trainer/meters.h"
#include "retina/trainer/optimizer.h"
#include "retina/trainer/run_limits.h"
#include "retina/trainer/task.h"
#include "retina/trainer/weight_average.h"

namespace retina::trainer {

/// What is asked whether the training goes well.
struct Inspection {
  const LoopState& state;
  const Json& last;     ///< figures of the last step alone, of all ranks
  bool before_keeping;  ///< a checkpoint follows; else a line of the log, or a validation
};

/// What the loop asks of its surroundings.
struct LoopHooks {
  std::function<data::RawBatch()> next_batch;
  /// Seconds since the process began this run (checking the data included).
  std::function<double()> elapsed_s;
  /// Score of the present weights (higher is better), none if it is undefined; empty function = no
  /// validation.
  std::function<std::optional<double>(const LoopState&)> validate;
  /// The present weights are the best so far (or, without validation, those of a checkpoint).
  std::function<void(const LoopState&)> keep_model;
  /// Throws if the training has gone wrong; asked on every rank at every line of the log, and
  /// before anything is kept. Empty function = only a loss that is not a number is wrong.
  std::function<void(const Inspection&)> inspect;
  /// Figures of a step for the log.
  std::function<void(const LoopState&, const Json& values)> log;
  std::filesystem::path checkpoints;     ///< empty = another process writes them
  GradientExchange* exchange = nullptr;  ///< with other ranks; null = one process alone
};

/// Trains, meters, validates and checkpoints. Ends after `steps` steps, when no further step fits
/// into the time (without a horizon, the schedule follows whichever is ahead), or when the score
/// has not improved for `patience` validations. A run that its time has ended takes no further step
/// when it is resumed within the same limit. A stop request writes a checkpoint, with a warning
/// where it cannot, and throws interrupted. A new run that its time ends before the first step is a
/// resource error.
///
/// Automatic validation (validate_every = 0): after a third and two thirds of the run and at its
/// end, less often if one costs over 5 % of a time-limited run.
class TrainLoop {
 public:
  /// `average` may be null.
  TrainLoop(Task& task, Optimizer& optimizer, WeightAverage* average, LoopOptions options,
            LoopHooks hooks);

  /// Continues from a checkpoint; `source` names it in messages.
  void restore(const Checkpoint& checkpoint, const std::string& source);
  LoopState run(const core::Context& context);
  /// What ended the run, in words; after run().
  std::string ending() const;

 private:
  RunMoment now() const;
  void require_time() const;
  bool ends_after_step();
  void run_steps(const core::Context& context);
  void train_step();
  void validate();
  std::int64_t progress_done() const;
  void log_step();
  Json sound_values(bool before_keeping) const;
  bool checkpoint_is_due() const;
  void checkpoint();
  void checkpoint_interrupted(const core::Context& context);

  Task& task_;
  Optimizer& optimizer_;
  WeightAverage* average_;
  LoopOptions options_;
  LoopHooks hooks_;
  LoopState state_;
  Meters meters_;
  double seconds_before_ = 0;  ///< of earlier parts of a resumed run
  double learning_rate_ = 0;
  double saved_at_s_ = 0;  ///< hooks_.elapsed_s() at the last checkpoint
  bool unsaved_ = false;   ///< the state has changed since the last checkpoint
  bool is_restored_ = false;
  bool is_warm_ = false;          ///< a step has been done
  std::int64_t logged_step_ = 0;  ///< of the last line of the log, or where this process began
  double logged_seconds_ = 0;     ///< of the run, at that moment
  std::string progress_note_;
  std::unique_ptr<BatchGradients> gradients_;  ///< of run()
};

}  // namespace retina::trainer
