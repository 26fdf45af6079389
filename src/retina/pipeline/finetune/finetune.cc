#include "retina/pipeline/finetune/finetune.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>

#include "retina/core/durable.h"
#include "retina/core/file.h"
#include "retina/data/append.h"
#include "retina/data/statistics.h"
#include "retina/model/model.h"
#include "retina/net/network.h"
#include "retina/pipeline/check/check.h"
#include "retina/pipeline/finetune/held_out_validator.h"
#include "retina/pipeline/finetune/leave_one_out.h"
#include "retina/pipeline/models/initial_weights.h"
#include "retina/pipeline/models/models.h"
#include "retina/pipeline/models/transfer_record.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/pipeline/run/provenance.h"
#include "retina/pipeline/run/training_batches.h"
#include "retina/pipeline/run/training_run.h"
#include "retina/trainer/rank_place.h"
#include "retina/trainer/supervised_task.h"

namespace retina::pipeline {
namespace {

/// All parts of one run, wired.
class FinetuneRun {
 public:
  FinetuneRun(const FinetuneOptions& options, const RunSurroundings& surroundings,
              const core::Context& context)
      : options_(options),
        surroundings_(surroundings),
        run_(options, context, surroundings.place) {}
  FinetuneReport run();

 private:
  /// One more training of `whole`, on other labels: without validation, in a folder of its own.
  FinetuneRun(const FinetuneRun& whole, std::shared_ptr<const data::Dataset> dataset,
              const FinetuneOptions& options, const core::Context& context)
      : options_(options),
        surroundings_{.place = whole.surroundings_.place},
        run_(options, context, whole.surroundings_.place),
        dataset_(std::move(dataset)),
        preprocess_(whole.preprocess_) {}

  void open_data();
  TrainingOutcome train();
  std::shared_ptr<net::DenseNetwork> make_network();
  void build_task(std::shared_ptr<net::DenseNetwork> network);
  model::Card card() const;
  ValidatorSetup validator_setup() const;
  TrainingHooks hooks();
  Validation validate(const trainer::LoopState& state);
  void keep_model(const trainer::LoopState& state);
  void tune_threshold() const;
  double seconds_of_one_training() const;
  LeaveOneOut leave_one_out() const;
  ValidationScores scores_of_kept_model() const;

  FinetuneOptions options_;
  RunSurroundings surroundings_;
  TrainingRun run_;
  std::shared_ptr<const data::Dataset> dataset_;
  std::shared_ptr<const data::Dataset> held_out_;
  RunInputs inputs_;  ///< as the card tells them
  model::Preprocess preprocess_;
  std::vector<LabelledRegion> regions_;  ///< to leave out, one by one
  model::Model start_;                   ///< that they are scored with too
  std::unique_ptr<trainer::SupervisedTask> task_;
  std::unique_ptr<HeldOutValidator> validator_;
  std::optional<TransferSummary> transfer_;  ///< none without other weights, or after a resume
  std::optional<ValidationScores> best_;
  ValidationScores latest_;
};

/// Data of one or several sources as one data set.
struct OpenedSources {
  std::shared_ptr<const data::Dataset> dataset;
  Json records = Json::array();  ///< source_record() of each
};

OpenedSources open_sources(const std::vector<data::DataOptions>& sources,
                           const std::vector<std::string>& classes, const core::Context& context) {
  OpenedSources all;
  auto dataset = std::make_shared<data::Dataset>();
  for (const data::DataOptions& source : sources) {
    data::Dataset opened = open_dataset(data::in_range(source, dataset->range),
                                        static_cast<int>(classes.size()) + 1, context);
    for (data::LabelledVolume& volume : opened.volumes) {
      if (sources.size() > 1) {  // data sets number their images alike
        volume.name = (source.path.empty() ? source.images : source.path) + ": " + volume.name;
      }
    }
    all.records.push_back(source_record(source, opened.slices.size()));
    data::append(*dataset, std::move(opened));
  }
  all.dataset = std::move(dataset);
  return all;
}

/// Training goes on: the user may want it so, but has to know what the scores are worth.
void warn_of_leaks(const CheckReport& checked, spdlog::logger& log) {
  constexpr std::int64_t kListed = 5;
  std::string list;
  std::int64_t leaks = 0;
  for (const RepeatedPlane& repeated : checked.repeated) {
    if (repeated.is_leak && ++leaks <= kListed) {
      list += "\n  " + to_string(leak_problem(repeated));
    }
  }
  if (leaks > kListed) {
    list += fmt::format("\n  ... and {} more", leaks - kListed);
  }
  if (leaks > 0) {
    log.warn(
        "LEAK: {} held-out images are trained on too. The validation scores will be too high and "
        "say nothing about new images{}",
        leaks, list);
  }
}

/// The model that a gain is measured from; usage error unless it segments the same classes.
model::Model load_start(const FinetuneOptions& options) {
  Problem problem{
      .subject = "leave_one_region_out: init", .found = {}, .expected = {}, .remedy = {}};
  const InitialWeights weights = read_initial_weights(options.init);
  if (std::filesystem::is_regular_file(options.init)) {
    problem.found = "a file of weights";
    problem.expected = "a model folder, which tells how its network is used";
    problem.remedy = "make one with 'retina models import'";
  } else if (weights.only_transformer()) {
    problem.found = "a network that does not segment yet";
    problem.expected = "a fine-tuned model: there is no gain over one that predicts nothing";
  } else if (foreground_names(*weights.card) != options.classes) {
    problem.found = fmt::format("classes {}", fmt::join(foreground_names(*weights.card), ", "));
    problem.expected = fmt::format("those of this training, {}", fmt::join(options.classes, ", "));
    problem.remedy = "give --classes as the model has them";
  } else {
    const auto folder = std::filesystem::weakly_canonical(model::find_model_folder(options.init));
    const auto place = folder.lexically_relative(std::filesystem::weakly_canonical(options.output));
    if (!place.empty() && *place.begin() != "..") {
      problem.found = "the model of the run that is replaced";
      problem.expected = "one that stays: every training starts from it";
      problem.remedy = "choose another output";
    }
  }
  if (!problem.found.empty()) {
    throw Error(ErrorKind::usage, problem);
  }
  return model::load(options.init);
}

void FinetuneRun::open_data() {
  const core::Context& context = run_.context();
  OpenedSources training = open_sources(options_.training_sources(), options_.classes, context);
  dataset_ = std::move(training.dataset);
  inputs_.sources = std::move(training.records);
  if (options_.validates()) {
    held_out_ =
        open_sources({options_.held_out_data(dataset_->range)}, options_.classes, context).dataset;
  }
  const CheckOptions how{.data = options_.training_data(), .classes = options_.classes};
  const CheckReport checked =
      check_data({.training = dataset_.get(), .held_out = held_out_.get()}, how, context);
  throw_if_bad(checked, how);
  inputs_.data = {
      .value = checked.digest, .planes_read = checked.statistics.planes, .planes = checked.planes};
  context.log->info("training data: {} slices of {} images\n{}", dataset_->slices.size(),
                    dataset_->volumes.size(), to_table(checked, 12));
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

/// What the network takes over from `options.init`, unless a checkpoint will replace it; settles in
/// the options what is moved and what is frozen.
std::optional<TransferSummary> settle_start(FinetuneOptions& options, net::DenseNetwork& network,
                                            bool has_checkpoint) {
  std::optional<TransferSummary> moved;
  if (options.init.empty()) {
    options.transfer = net::TransferScope::none;
  } else if (!has_checkpoint) {
    const InitialWeights weights = read_initial_weights(options.init);
    options.licence = licence_over(options.licence, weights);
    options.transfer = resolved_scope(options.transfer, weights);
    moved = transfer_into(network, weights, options.transfer, options.frozen(options.transfer));
    moved->digest = weights_digest(options.init);
  }
  options.optimizer.freeze = options.frozen(options.transfer);
  options.freeze.clear();
  if (options.optimizer.freeze.empty()) {
    options.freeze = {"none"};  // so that a resumed run does not fall back to what is published
  }
  return moved;
}

std::shared_ptr<net::DenseNetwork> FinetuneRun::make_network() {
  auto network = run_.make_network(core::options_to_json(options_.network));
  transfer_ = settle_start(options_, *network, run_.has_checkpoint());
  if (transfer_) {
    run_.context().log->info("{}", to_text(*transfer_));
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
  for (const data::LabelledVolume& volume : dataset_->volumes) {
    const auto& voxel_nm = volume.image->info().voxel_nm;
    if (voxel_nm && std::find(card.voxel_nm_seen.begin(), card.voxel_nm_seen.end(), *voxel_nm) ==
                        card.voxel_nm_seen.end()) {
      card.voxel_nm_seen.push_back(*voxel_nm);
    }
  }
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
  hooks.keep_model = [this](const trainer::LoopState& state) { keep_model(state); };
  if (validator_) {
    hooks.validate = [this](const trainer::LoopState& state) { return validate(state); };
  }
  return hooks;
}

/// The slices that chose the model choose its threshold too; the scores that chose it stay those at
/// 0.5.
void FinetuneRun::tune_threshold() const {
  model::Model kept = model::load(run_.folder().model());
  const TunedThreshold best = validator_->best_threshold(*kept.network, run_.context());
  run_.context().log->info("threshold {:.2f}: validation IoU {:.4f} ({:.4f} at 0.5)",
                           best.threshold, best.iou, best.iou_at_half);
  kept.card.threshold = best.threshold;
  kept.card.metrics["validation_iou_at_threshold"] = best.iou;
  model::save(run_.folder().model(), kept.card, *kept.network);
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
  run_.begin(inputs_.config, {.training = dataset_.get(), .held_out = held_out_.get()}, network,
             options_.optimizer);
  if (transfer_ && run_.leads()) {
    write_transfer(run_.folder().path(), *transfer_);
  }
  inputs_.run = run_.folder().path();
  build_task(network);
  return run_.train(*task_, dataset_, choose_box(options_.augment), hooks());
}

FinetuneReport FinetuneRun::run() {
  open_data();
  const TrainingOutcome outcome = train();
  FinetuneReport report{.run = run_.folder().path().string(),
                        .steps = outcome.state.step,
                        .seconds = outcome.state.seconds,
                        .best_validation_iou = outcome.state.best_score,
                        .best_step = outcome.state.best_step,
                        .device_busy = outcome.device_busy,
                        .precision = run_.precision(),
                        .report = (run_.folder().path() / "report.html").string(),
                        .rank = run_.rank()};
  if (!run_.leads()) {
    return report;
  }
  if (options_.tune_threshold) {
    tune_threshold();
  }
  if (options_.leave_one_region_out) {
    report.leave_one_out = leave_one_out();
  }
  const ValidationScores scores = scores_of_kept_model();
  if (validator_ && options_.validation.choose == ChosenWeights::last) {
    report.best_validation_iou = scores.mean_iou();
    report.best_step = report.steps;
  }
  write_finetune_page(report, options_,
                      {.device = run_.device_text(),
                       .transfer = transfer_facts(run_.folder().path()),
                       .training_slices = static_cast<std::int64_t>(dataset_->slices.size()),
                       .held_out_slices = validator_ ? validator_->slices() : 0,
                       .validation = validator_ ? std::optional(scores) : std::nullopt,
                       .samples = scores.samples});
  report.seconds = run_.seconds();
  return report;
}

/// What the run would be, from what can be told without its folder and without reading labels.
TrainingPlan plan_finetuning(FinetuneOptions options, const core::Context& context) {
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
  return plan;
}

}  // namespace

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
    FinetuneReport report;
    report.plan = plan_finetuning(options, context);
    report.rank = report.plan->rank;
    return report;
  }
  return FinetuneRun(options, surroundings, context).run();
}

FinetuneReport finetune(const FinetuneOptions& options, const core::Context& context) {
  return finetune(options, {.place = trainer::rank_place(trainer::process_environment())}, context);
}

}  // namespace retina::pipeline
