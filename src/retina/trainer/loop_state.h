#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/json.h"

namespace retina::trainer {

/// Where a run is; all of it is in the checkpoint.
struct LoopState {
  std::int64_t step = 0;  ///< steps done = batches consumed
  double seconds = 0;     ///< of training so far, earlier parts of a resumed run included
  /// That the last step took; the first one of a process, which is slow, leaves it as it was.
  double seconds_per_step = 0;
  double ended_by_seconds = 0;  ///< the time limit that ended the run; 0 = none has
  std::optional<double> best_score;
  std::int64_t best_step = -1;
  int validations = 0;
  int stale = 0;                     ///< validations since the best one
  std::int64_t validated_step = -1;  ///< of the last validation
  double validation_seconds = 0;     ///< that it took

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("step", self.step, "steps done");
    visit("seconds", self.seconds, "seconds so far");
    visit("seconds_per_step", self.seconds_per_step, "seconds of the last step");
    visit("ended_by_seconds", self.ended_by_seconds, "time limit that ended the run; 0 = none");
    visit("best_score", self.best_score, "best validation score");
    visit("best_step", self.best_step, "its step");
    visit("validations", self.validations, "validations done");
    visit("stale", self.stale, "validations since the best one");
    visit("validated_step", self.validated_step, "step of the last validation");
    visit("validation_seconds", self.validation_seconds, "seconds that it took");
  }

  std::vector<Problem> validate() const;
};

/// That of a checkpoint's `progress`; bad_data naming `source`, its file, where no run can be.
LoopState loop_state_of(const Json& progress, const std::string& source);

}  // namespace retina::trainer
