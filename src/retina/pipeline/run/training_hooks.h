#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "retina/core/json.h"
#include "retina/pipeline/run/training_options.h"
#include "retina/trainer/ghost_groups.h"
#include "retina/trainer/train_loop.h"

namespace retina::pipeline {

/// What a validation found.
struct Validation {
  std::optional<double> score{};  ///< higher is better; none = undefined
  Json values = Json::object();   ///< for metrics.jsonl
};

/// What a verb adds to the training loop.
struct TrainingHooks {
  std::function<Validation(const trainer::LoopState&)> validate;  ///< empty = no validation
  std::int64_t validate_every = 0;                                ///< steps; 0 = a few times
  std::vector<std::int64_t> validate_at{};                        ///< steps, instead
  int patience = 0;                                               ///< validations; 0 = no end
  std::function<void(const trainer::LoopState&)> keep_model;
  std::function<void(const trainer::LoopState&, Json& values)> log;  ///< may add; empty = nothing
  std::function<void(const trainer::Inspection&)> inspect;           ///< on every rank; may throw
  std::int64_t steps = 0;             ///< of the run; 0 = as the options say
  double max_seconds = 0;             ///< of the run; 0 = as the options say
  std::int64_t checkpoint_every = 0;  ///< steps; 0 = as the options say
  double checkpoint_seconds = 0;      ///< between checkpoints, at most; 0 = no limit
  std::int64_t horizon = 0;           ///< steps of the schedule; 0 = those of the run
  std::int64_t ghost_batch = 0;       ///< of the task: samples that share BatchNorm statistics
  /// Where there are ranks, or a batch is taken in parts.
  trainer::GhostStatistics statistics = trainer::GhostStatistics::first;
};

/// Options of the loop in the process with this rank; `options` have the steps and the time limit
/// of the hooks already.
trainer::LoopOptions loop_options(const TrainingOptions& options, const TrainingHooks& hooks,
                                  std::int64_t rank);

}  // namespace retina::pipeline
