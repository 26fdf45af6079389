#include "retina/pipeline/run/training_options.h"

namespace retina::pipeline {

void TrainingOptions::check(ProblemList& problems) const {
  problems.require(!output.empty(), "output", "nothing", "a folder for the run", "give -o RUN");
  problems.require(!(resume && overwrite), "resume", "together with overwrite", "one of them");
  problems.require(extend_to == 0 || resume, "extend_to", "without resume",
                   "--resume --extend-to N");
  problems.below("average_decay", average_decay, 0, 1);
  problems.at_least("batch", static_cast<double>(batch), 1);
  problems.at_least("steps", static_cast<double>(steps), 0);
  problems.at_least("max_seconds", max_seconds, 0);
  problems.at_least("log_every", static_cast<double>(log_every), 1);
  problems.at_least("checkpoint_every", static_cast<double>(checkpoint_every), 0);
  problems.at_least("threads", threads, 0);
  problems.add(optimizer.validate());
  problems.add(schedule.validate());
}

RunStart start_of(const TrainingOptions& options) {
  if (options.resume) {
    return RunStart::resume;
  }
  return options.overwrite ? RunStart::overwrite : RunStart::fresh;
}

}  // namespace retina::pipeline
