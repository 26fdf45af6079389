#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/data/batch.h"
#include "retina/trainer/checkpoint.h"
#include "retina/trainer/ghost_groups.h"
#include "retina/trainer/gradient_exchange.h"
#include "retina/trainer/graphed_step.h"
#include "retina/trainer/loop_state.h"
#include "retina/trainer/meters.h"
#include "retina/trainer/optimizer.h"
#include "retina/trainer/schedule.h"
#include "retina/trainer/task.h"
#include "retina/trainer/weight_average.h"

namespace retina::trainer {

enum class Keep { best_and_last, all };
constexpr core::EnumTable<Keep, 2> enum_table(Keep) {
  return {{{Keep::best_and_last, "best_and_last"}, {Keep::all, "all"}}};
}

/// How long a run goes on and when it looks up.
struct LoopOptions {
  std::int64_t steps = 0;  ///< of the whole run; 0 = until max_seconds
  double max_seconds = 0;  ///< of the whole run, the last validation included; 0 = no limit
  std::int64_t validate_every = 0;  ///< steps; 0 = a few times, see automatic validation below
  std::vector<std::int64_t> validate_at{};  ///< steps, instead of all these; the last one is always
  std::int64_t checkpoint_every = 0;        ///< steps; 0 = only with validations and at the end
  double checkpoint_seconds = 0;            ///< between checkpoints, at most; 0 = no limit
  /// Steps over which the schedule runs, whatever the clock says; 0 = those of the run, or its
  /// time.
  std::int64_t horizon = 0;
  std::int64_t log_every = 10;  ///< steps; the last one has a line of the log always
  int patience = 0;  ///< validations without a better score before stopping; 0 = never stop
  double learning_rate = 0.003;  ///< base rate
  std::uint64_t seed = 0;        ///< of dropout
  std::int64_t rank = 0;         ///< of this process, whose dropout is its own
  Keep keep = Keep::best_and_last;
  bool cuda_graph = true;  ///< repeat the step from a recording (graphed_step.h)
  ScheduleOptions schedule{};
  /// Of BatchNorm, where a batch is taken in parts for want of memory.
  GhostStatistics statistics = GhostStatistics::first;
};

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
  void require_time() const;
  bool finished() const;
  bool all_steps_done() const;
  bool out_of_patience() const;
  bool stopped_by_patience() const;
  std::string patience_note() const;
  bool out_of_time() const;
  bool ends_after_step();
  double share_done() const;
  double time_share(double ahead_s = 0) const;
  bool is_unvalidated() const;
  bool validation_is_due() const;
  void run_steps(const core::Context& context);
  void train_step(const core::Context& context);
  std::vector<Part> compute_gradients(const data::RawBatch& raw, const core::Context& context);
  std::vector<Part> compute_whole(const data::RawBatch& raw);
  std::vector<Part> compute_in_parts(const data::RawBatch& raw, RunningStatistics& statistics);
  void compute_part(const data::RawBatch& raw, std::size_t begin, std::vector<Part>& parts);
  void backward(const at::Tensor& loss, bool completes);
  void take_less_memory(std::size_t batch, const core::Context& context);
  void validate();
  std::int64_t progress_done() const;
  void log_step();
  Json sound_values(bool before_keeping) const;
  void require_finite_weights() const;
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
  std::unique_ptr<GraphedStep> graphed_;                                 ///< of whole batches
  std::size_t most_at_once_ = std::numeric_limits<std::int32_t>::max();  ///< samples
  std::int64_t fitted_steps_ = 0;  ///< since memory last did not suffice
};

}  // namespace retina::trainer
