#include "retina/pipeline/finetune/finetune_plan.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "retina/net/network.h"
#include "retina/pipeline/finetune/finetune_data.h"
#include "retina/pipeline/finetune/finetune_start.h"
#include "retina/pipeline/finetune/labelled_regions.h"
#include "retina/pipeline/run/training_plan.h"

namespace retina::pipeline {
namespace {

/// One on everything, and one without each region that is left out.
std::int64_t trainings_of(const FinetuneOptions& options, const data::Dataset& dataset) {
  if (!options.leave_one_region_out) {
    return 1;
  }
  load_start(options);  // refuses what no gain can be measured from
  return std::ssize(find_regions(dataset)) + 1;
}

}  // namespace

FinetuneReport plan_finetuning(FinetuneOptions options, const core::Context& context) {
  TrainingPlan plan = plan_run("finetune", options.preset, options);
  const OpenedSources training = open_sources(options.training_sources(), options.classes, context);
  plan_data(plan, *training.dataset);
  if (options.validates()) {
    const OpenedSources held_out =
        open_sources({options.held_out_data(training.dataset->range)}, options.classes, context);
    plan.held_out_slices = static_cast<std::int64_t>(held_out.dataset->slices.size());
    if (options.validation.max_slices > 0) {
      plan.held_out_slices = std::min(plan.held_out_slices, options.validation.max_slices);
    }
  }
  const auto network = net::make_network("transunet", core::options_to_json(options.network));
  plan.transfer = settle_start(options, *network, plan.resumed_step > 0);
  plan_network(plan, options, *network);
  plan.ghost_batch = options.ghost_batch;
  plan.epochs = static_cast<double>(plan.steps * plan.batch) /
                static_cast<double>(std::max<std::int64_t>(1, plan.slices));
  FinetuneReport report;
  report.rank = plan.rank;
  report.plan = std::move(plan);
  report.trainings = trainings_of(options, *training.dataset);
  return report;
}

}  // namespace retina::pipeline
