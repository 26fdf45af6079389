#include "retina/pipeline/run/training_hooks.h"

namespace retina::pipeline {

trainer::LoopOptions loop_options(const TrainingOptions& options, const TrainingHooks& hooks,
                                  std::int64_t rank) {
  return {.steps = options.steps,
          .max_seconds = options.max_seconds,
          .validate_every = hooks.validate_every,
          .validate_at = hooks.validate_at,
          .checkpoint_every =
              hooks.checkpoint_every > 0 ? hooks.checkpoint_every : options.checkpoint_every,
          .checkpoint_seconds = hooks.checkpoint_seconds,
          .horizon = hooks.horizon,
          .log_every = options.log_every,
          .patience = hooks.patience,
          .learning_rate = options.optimizer.learning_rate,
          .seed = options.seed,
          .rank = rank,
          .keep = options.keep,
          .cuda_graph = options.cuda_graph,
          .schedule = options.schedule,
          .statistics = hooks.statistics};
}

}  // namespace retina::pipeline
