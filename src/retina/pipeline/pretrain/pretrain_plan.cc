#include "retina/pipeline/pretrain/pretrain_plan.h"

#include <memory>

#include "retina/data/loader.h"
#include "retina/net/network.h"
#include "retina/pipeline/pretrain/pretrain_start.h"
#include "retina/pipeline/pretrain/pretraining_data.h"
#include "retina/pipeline/run/training_batches.h"

namespace retina::pipeline {

TrainingPlan plan_pretraining(PretrainOptions options, const core::Context& context) {
  TrainingPlan plan = plan_run("pretrain", options.preset, options);
  const std::shared_ptr<const data::Dataset> dataset = open_images(options, context).dataset;
  plan_data(plan, *dataset);
  const auto network = net::make_network("transunet", core::options_to_json(options.network));
  if (!options.init.empty() && plan.resumed_step == 0) {
    plan.transfer = start_from_init(options, *network);
  }
  plan_network(plan, options, *network);
  // refuses fewer patches than a batch, as the run does
  const data::Loader loader(dataset, {.batch = options.batch, .drop_last = true, .threads = 0},
                            choose_box(options.augment));
  plan.ghost_batch = options.ghost_batch;
  plan.steps = steps_of_run(*dataset, options);
  plan.epochs =
      static_cast<double>(plan.steps) / static_cast<double>(steps_of_epoch(*dataset, options));
  return plan;
}

}  // namespace retina::pipeline
