#pragma once

#include <cstdint>
#include <vector>

#include "retina/core/options.h"
#include "retina/trainer/ghost_groups.h"
#include "retina/trainer/schedule.h"

namespace retina::trainer {

enum class Keep { best_and_last, all };
constexpr core::EnumTable<Keep, 2> enum_table(Keep) {
  return {{{Keep::best_and_last, "best_and_last"}, {Keep::all, "all"}}};
}

/// How long a run goes on and when it looks up.
struct LoopOptions {
  std::int64_t steps = 0;  ///< of the whole run; 0 = until max_seconds
  double max_seconds = 0;  ///< of the whole run, the last validation included; 0 = no limit
  /// Steps; 0 = a few times, see automatic validation at TrainLoop.
  std::int64_t validate_every = 0;
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

}  // namespace retina::trainer
