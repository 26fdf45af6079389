#include "retina/pipeline/finetune/finetune_run.h"

#include <filesystem>
#include <string>

#include <spdlog/logger.h>

#include "retina/core/durable.h"
#include "retina/pipeline/check/check.h"
#include "retina/pipeline/finetune/finetune_data.h"
#include "retina/pipeline/finetune/finetune_start.h"
#include "retina/pipeline/models/transfer_record.h"
#include "retina/pipeline/run/training_batches.h"
#include "retina/report/metrics_log.h"

namespace retina::pipeline {

void FinetuneRun::open_data() {
  const core::Context& context = run_.context();
  FinetuneData opened = open_checked(options_, context);
  dataset_ = std::move(opened.training);
  held_out_ = std::move(opened.held_out);
  inputs_.sources = std::move(opened.records);
  const CheckReport& checked = opened.checked;
  inputs_.data = {
      .value = checked.digest, .planes_read = checked.statistics.planes, .planes = checked.planes};
  context.log->info("training data: {} slices of {} images\n{}", dataset_->slices.size(),
                    data::volumes_used(*dataset_).size(), to_table(checked, 12));
  if (run_.leads()) {
    warn_of_leaks(checked, *context.log);
  }
  preprocess_.range = dataset_->range;
  preprocess_.mean = options_.normalisation.mean.value_or(checked.statistics.mean());
  preprocess_.std = options_.normalisation.std.value_or(checked.statistics.std());
  options_.normalisation = {.mean = preprocess_.mean, .std = preprocess_.std};
  if (options_.leave_one_region_out) {
    start_ = load_start(options_);
    regions_ = find_regions(*dataset_);
    context.log->info("{} regions to leave out, one after the other", regions_.size());
  }
  if (!options_.validates()) {
    context.log->warn("no held-out images: the last weights become the model, unscored");
    for (const std::string& name : options_.without_effect()) {
      context.log->warn("{} does nothing without held-out images", name);
    }
  }
}

std::shared_ptr<net::DenseNetwork> FinetuneRun::make_network() {
  auto network = run_.make_network(core::options_to_json(options_.network));
  transfer_ = settle_start(options_, *network, run_.has_checkpoint());
  if (transfer_) {
    run_.context().log->info("{}", to_text(*transfer_));
    if (run_.leads()) {
      warn_of_other_classes(options_, *transfer_, *run_.context().log);
    }
  }
  return network;
}

void FinetuneRun::build_task(std::shared_ptr<net::DenseNetwork> network) {
  const augment::Normalisation normalisation{.mean = preprocess_.mean, .std = preprocess_.std};
  task_ = std::make_unique<trainer::SupervisedTask>(
      std::move(network),
      [recipe = options_.augment, normalisation, device = run_.device()](
          const data::RawBatch& raw) { return augment_batch(raw, recipe, normalisation, device); },
      trainer::SupervisedOptions{.criterion = {.ce_weight = options_.loss.ce_weight,
                                               .dice_weight = options_.loss.dice_weight,
                                               .class_weights = options_.loss.class_weights},
                                 .arithmetic = run_.arithmetic(),
                                 .ghost_batch = options_.ghost_batch});
  if (held_out_) {
    ValidatorSetup setup = validator_setup();
    setup.max_slices = options_.validation.max_slices;
    setup.keep_slices = surroundings_.validated != nullptr;
    validator_ = std::make_unique<HeldOutValidator>(held_out_, std::move(setup));
  }
}

ValidatorSetup FinetuneRun::validator_setup() const {
  return {.classes = options_.classes,
          .preprocess = preprocess_,
          .windows = options_.validation.windows,
          .device = run_.device(),
          .dtype = run_.dtype()};
}

model::Card FinetuneRun::card() const {
  model::Card card = worded_card(options_, options_.preset);
  card.network_options = core::options_to_json(options_.network);
  card.classes.push_back({.id = 0, .name = "background"});
  for (const std::string& name : options_.classes) {
    card.classes.push_back({.id = static_cast<int>(card.classes.size()), .name = name});
  }
  card.preprocess = preprocess_;
  card.postprocess = options_.postprocess;
  card.voxel_nm_seen = data::voxel_sizes_used(*dataset_);
  card.provenance.update({{"seed", options_.seed},
                          {"training_slices", dataset_->slices.size()},
                          {"init", options_.init},
                          {"transfer", core::enum_name(options_.transfer)},
                          {"frozen", options_.optimizer.freeze},
                          {"precision", run_.precision()}});
  card.provenance.update(provenance_of(inputs_));
  return card;
}

Validation FinetuneRun::validate(const trainer::LoopState& state) {
  latest_ = validator_->score(run_.kept_network(), run_.context());
  if (surroundings_.validated) {
    surroundings_.validated(state.step, latest_.slices, run_.context());
    latest_.slices.clear();
  }
  Validation found{.values = {{"validation/iou", latest_.mean_iou()}}};
  if (options_.validation.choose == ChosenWeights::best) {
    found.score = latest_.mean_iou();
  }
  for (const ClassScore& score : latest_.classes) {
    found.values["validation/iou/" + score.name] = score.iou;
    found.values["validation/pooled_iou/" + score.name] = score.pooled_iou;
  }
  run_.context().log->info("step {}: validation IoU {:.4f}", state.step, latest_.mean_iou());
  return found;
}

void FinetuneRun::keep_model(const trainer::LoopState& state) {
  model::Card kept = card();
  kept.provenance["steps"] = state.step;
  if (validator_ && latest_.classes.empty()) {  // at the end of a run that was resumed there
    validate(state);
  }
  if (validator_) {
    kept.metrics["validation_iou"] = latest_.mean_iou();
    best_ = latest_;
  }
  model::save(run_.folder().model(), kept, run_.kept_network());
}

TrainingHooks FinetuneRun::hooks() {
  TrainingHooks hooks;
  hooks.validate_every = options_.validation.every;
  hooks.validate_at = options_.validation.at;
  hooks.patience = options_.patience;
  hooks.max_seconds = seconds_of_one_training();
  hooks.ghost_batch = options_.ghost_batch;
  hooks.keep_model = [this](const trainer::LoopState& state) { keep_model(state); };
  hooks.inspect = [this](const trainer::Inspection& look) { reached_ = look.state; };
  if (validator_) {
    hooks.validate = [this](const trainer::LoopState& state) { return validate(state); };
  }
  return hooks;
}

/// The training on all regions and those that leave out one have equal shares of the time.
double FinetuneRun::seconds_of_one_training() const {
  return options_.max_seconds / static_cast<double>(regions_.size() + 1);
}

/// What a region that is left out scores neither chooses weights nor tunes a threshold: the last
/// weights count, at the threshold of a model that was not tuned.
LeaveOneOut FinetuneRun::leave_one_out() const {
  const std::filesystem::path folder = run_.folder().path() / "left_out";
  FinetuneOptions options = options_;
  options.output = (folder / "run").string();
  options.validation.data = {};
  options.validation_images.clear();
  options.validation_masks.clear();
  options.checkpoint_every = 0;
  options.resume = false;
  options.overwrite = false;
  const TrainOn train = [&](std::shared_ptr<const data::Dataset> dataset, double max_seconds,
                            const core::Context& context) {
    core::discard(folder);  // of a training that was interrupted
    options.max_seconds = max_seconds;
    FinetuneRun part(*this, std::move(dataset), options, context);
    part.train();
    return model::load(part.run_.folder().model());
  };
  LeaveOneOut result = pipeline::leave_one_out({.dataset = dataset_,
                                                .regions = regions_,
                                                .classes = options_.classes,
                                                .start = start_,
                                                .windows = options_.validation.windows,
                                                .device = run_.device(),
                                                .dtype = run_.dtype(),
                                                .steps = options_.steps,
                                                .max_seconds = seconds_of_one_training(),
                                                .file = run_.folder().path() / "regions.json"},
                                               train, run_.context());
  core::discard(folder);
  run_.context().log->info("{}", summary_of(result));
  return result;
}

/// What the report shows of the model that was kept: the validation that chose it, made again if it
/// was in another process; pictures of training slices where nothing is held out.
ValidationScores FinetuneRun::scores_of_kept_model() const {
  if (best_) {
    return *best_;
  }
  const model::Model kept = model::load(run_.folder().model());
  if (validator_) {
    return validator_->score(*kept.network, run_.context());
  }
  ValidatorSetup setup = validator_setup();
  setup.max_slices = 2;
  return HeldOutValidator(dataset_, std::move(setup)).score(*kept.network, run_.context());
}

TrainingOutcome FinetuneRun::train() {
  const std::shared_ptr<net::DenseNetwork> network = make_network();
  inputs_.config = core::options_to_json(options_);
  run_.begin(inputs_.config,
             {.training = dataset_.get(), .held_out = held_out_.get(), .digest = inputs_.data},
             network, options_.optimizer);
  if (transfer_ && run_.leads()) {
    write_transfer(run_.folder().path(), *transfer_);
  }
  inputs_.run = run_.folder().path();
  build_task(network);
  return run_.train(*task_, dataset_, choose_box(options_.augment), hooks());
}

FinetuneReport FinetuneRun::report_of(const trainer::LoopState& state) const {
  return {.run = run_.folder().path().string(),
          .steps = state.step,
          .seconds = run_.seconds(),
          .best_validation_iou = state.best_score,
          .best_step = state.best_step,
          .device_busy = report::number_in(run_.last_figures(), "device_busy").value_or(0),
          .precision = run_.precision(),
          .report = (run_.folder().path() / "report.html").string(),
          .rank = run_.rank()};
}

void FinetuneRun::write_page(const FinetuneReport& report,
                             const std::optional<ValidationScores>& scores) const {
  write_finetune_page(report, options_,
                      {.device = run_.device_text(),
                       .transfer = transfer_facts(run_.folder().path()),
                       .training_slices = static_cast<std::int64_t>(dataset_->slices.size()),
                       .held_out_slices = validator_ ? validator_->slices() : 0,
                       .validation = validator_ ? scores : std::optional<ValidationScores>(),
                       .samples = scores ? scores->samples : std::vector<SliceSample>()});
}

/// From what is known already: a run that is stopped ends soon.
void FinetuneRun::write_page_of_interruption(const Error& error) const {
  FinetuneReport report = report_of(reached_);
  report.state = error.what();
  try {
    write_page(report, best_);
  } catch (const Error& second) {  // the first one is what the user has to know
    run_.context().log->warn("the report does not tell why the run ended: {}", second.what());
  }
}

FinetuneReport FinetuneRun::finish(const TrainingOutcome& outcome) {
  reached_ = outcome.state;
  FinetuneReport report = report_of(outcome.state);
  report.device_busy = outcome.device_busy;
  report.state = outcome.ending;
  if (!run_.leads()) {
    return report;
  }
  if (options_.tune_threshold) {
    tune_threshold(run_.folder().model(), *validator_, run_.context());
  }
  if (options_.leave_one_region_out) {
    report.leave_one_out = leave_one_out();
  }
  const ValidationScores scores = scores_of_kept_model();
  if (validator_ && options_.validation.choose == ChosenWeights::last) {
    report.best_validation_iou = scores.mean_iou();
    report.best_step = report.steps;
  }
  report.seconds = run_.seconds();
  write_page(report, scores);
  return report;
}

FinetuneReport FinetuneRun::run() {
  open_data();
  try {
    return finish(train());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted && run_.leads() && reached_.step > 0) {
      write_page_of_interruption(error);
    }
    throw;
  }
}

}  // namespace retina::pipeline
