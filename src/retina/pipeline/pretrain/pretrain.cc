#include "retina/pipeline/pretrain/pretrain.h"

#include "retina/pipeline/pretrain/pretrain_plan.h"
#include "retina/pipeline/pretrain/pretrain_run.h"

namespace retina::pipeline {

PretrainReport pretrain(const PretrainOptions& options, const core::Context& context) {
  if (options.dry_run) {
    PretrainReport report;
    report.plan = plan_pretraining(options, context);
    report.rank = report.plan->rank;
    return report;
  }
  return PretrainRun(options, context).run();
}

}  // namespace retina::pipeline
