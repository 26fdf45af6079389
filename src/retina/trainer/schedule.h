#pragma once

#include <cstdint>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/options.h"

namespace retina::trainer {

enum class ScheduleKind { poly, one_cycle, cosine, constant };
constexpr core::EnumTable<ScheduleKind, 4> enum_table(ScheduleKind) {
  return {{{ScheduleKind::poly, "poly"},
           {ScheduleKind::one_cycle, "one_cycle"},
           {ScheduleKind::cosine, "cosine"},
           {ScheduleKind::constant, "constant"}}};
}

/// How the learning rate changes over a run. The defaults are the published schedule.
struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::poly;
  double power = 0.9;          ///< of poly
  double rise = 0.3;           ///< of one_cycle: share of the run in which the rate rises
  double start_divisor = 25;   ///< of one_cycle: peak / first rate
  double final_divisor = 1e4;  ///< of one_cycle: first / last rate
  double final_factor = 0;     ///< of cosine: last rate / base rate
  std::int64_t warmup_steps =
      0;  ///< steps of a linear rise to the scheduled rate; not for one_cycle

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("kind", self.kind, "poly, one_cycle, cosine or constant");
    visit("power", self.power, "exponent of poly");
    visit("rise", self.rise, "one_cycle: share of the run in which the rate rises");
    visit("start_divisor", self.start_divisor, "one_cycle: peak rate / first rate");
    visit("final_divisor", self.final_divisor, "one_cycle: first rate / last rate");
    visit("final_factor", self.final_factor, "cosine: last rate / base rate");
    visit("warmup_steps", self.warmup_steps, "steps of a linear rise to the scheduled rate");
  }
  std::vector<Problem> validate() const;
};

/// Where a run is. `steps` 0 = only time decides.
struct RunPosition {
  std::int64_t step = 0;   ///< about to be done, from 0
  std::int64_t steps = 0;  ///< of the whole run
  /// Elapsed / available time; 0 without a time limit, and where a horizon alone decides.
  double time_share = 0;
};

/// Factor on the base learning rate for this step, in double precision. By steps, poly is the
/// published (1 - max(step-1, 0)/steps)^power, with its lag of one step (retina.md 1.6), and
/// one_cycle the rate of PyTorch's OneCycleLR (the momentum stays as it is). Where the time share
/// is ahead of the steps, it decides. Beyond `steps` the rate stays at its last value.
double rate_factor(const ScheduleOptions& options, const RunPosition& position);

}  // namespace retina::trainer
