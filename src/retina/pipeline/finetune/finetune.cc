#include "retina/pipeline/finetune/finetune.h"

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/pipeline/finetune/finetune_plan.h"
#include "retina/pipeline/finetune/finetune_run.h"

namespace retina::pipeline {

FinetuneReport finetune(const FinetuneOptions& options, const RunSurroundings& surroundings,
                        const core::Context& context) {
  const std::int64_t ranks = surroundings.place.ranks;
  if (options.leave_one_region_out && ranks > 1) {
    throw Error(ErrorKind::usage, Problem{.subject = "leave_one_region_out",
                                          .found = fmt::format("{} ranks", ranks),
                                          .expected = "one process",
                                          .remedy = "start it without a launcher"});
  }
  if (options.dry_run) {
    return plan_finetuning(options, context);
  }
  return FinetuneRun(options, surroundings, context).run();
}

FinetuneReport finetune(const FinetuneOptions& options, const core::Context& context) {
  return finetune(options, {.place = trainer::rank_place(trainer::process_environment())}, context);
}

}  // namespace retina::pipeline
