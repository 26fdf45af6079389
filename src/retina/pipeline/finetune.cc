#include "retina/pipeline/finetune.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>

#include "retina/core/clock.h"
#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/data/loader.h"
#include "retina/data/statistics.h"
#include "retina/model/model.h"
#include "retina/net/weights.h"
#include "retina/pipeline/check.h"
#include "retina/pipeline/held_out_validator.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/pipeline/run_config.h"
#include "retina/pipeline/run_report.h"
#include "retina/pipeline/training_batches.h"
#include "retina/report/metrics_log.h"
#include "retina/trainer/supervised_task.h"
#include "retina/trainer/train_loop.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// `options.data` with the short flags laid over it.
data::DataOptions training_data(const FinetuneOptions& options) {
  data::DataOptions data = options.data;
  if (!options.images.empty()) {
    data.path.clear();
    data.images = options.images;
    data.masks = options.masks;
  }
  return data;
}

/// Held-out data are read as the training data are (label values, range), where not said otherwise.
data::DataOptions held_out_data(const FinetuneOptions& options) {
  data::DataOptions data = options.validation.data;
  const data::DataOptions training = training_data(options);
  if (!options.validation_images.empty()) {
    data.path.clear();
    data.images = options.validation_images;
    data.masks = options.validation_masks;
  }
  data.labels = data.labels.empty() ? training.labels : data.labels;
  data.input_range = data.input_range.empty() ? training.input_range : data.input_range;
  data.ignore_value = data.ignore_value ? data.ignore_value : training.ignore_value;
  return data;
}

void prepare_folder(const FinetuneOptions& options) {
  const fs::path run = options.output;
  const bool exists = fs::exists(run) && !fs::is_empty(run);
  if (exists && !options.resume && !options.overwrite) {
    throw Error(ErrorKind::usage, Problem{.subject = run.string(),
                                          .found = "exists",
                                          .expected = "a new run folder",
                                          .remedy = "give --resume or --overwrite"});
  }
  if (exists && options.overwrite && !fs::exists(run_config_path(run))) {
    throw Error(ErrorKind::usage, Problem{.subject = run.string(),
                                          .found = "a folder that is not a run",
                                          .expected = "a run to overwrite",
                                          .remedy = "choose another output"});
  }
  if (exists && options.overwrite) {
    fs::remove_all(run);
  }
  fs::create_directories(run / "checkpoints");
}

/// The caller's context with the log also written to RUN/log.txt.
core::Context with_log_file(const core::Context& context, const fs::path& run) {
  core::Context out = context;
  std::vector<spdlog::sink_ptr> sinks = context.log->sinks();
  sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>((run / "log.txt").string()));
  out.log = std::make_shared<spdlog::logger>(context.log->name(), sinks.begin(), sinks.end());
  out.log->set_level(context.log->level());
  out.log->flush_on(spdlog::level::info);
  return out;
}

int reading_threads(int threads) {
  const int available =
      threads > 0 ? threads : static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  return std::clamp(available / 2, 1, 8);
}

tensor::NamedTensors initial_weights(const std::string& path) {
  if (fs::path(path).extension() == ".safetensors") {
    return tensor::read_safetensors(path);
  }
  return net::state_dict(*model::load(path).network);
}

/// All parts of one run, wired.
class FinetuneRun {
 public:
  FinetuneRun(const FinetuneOptions& options, const core::Context& context);
  FinetuneReport run();

 private:
  void write_config() const;
  void open_data();
  void build_network();
  void build_training();
  model::Card card() const;
  trainer::LoopOptions loop_options() const;
  trainer::LoopHooks hooks();
  std::optional<double> validate(const trainer::LoopState& state);
  void keep_model(const trainer::LoopState& state);
  std::int64_t restore(trainer::TrainLoop& loop);
  std::vector<SliceSample> samples_of_kept_model() const;
  void write_report(const FinetuneReport& report);
  const net::DenseNetwork& kept_network() const {
    return average_ ? *average_->network() : *network_;
  }

  FinetuneOptions options_;
  fs::path run_;
  core::Stopwatch watch_;
  core::Context context_;
  at::Device device_;
  at::ScalarType dtype_;
  std::shared_ptr<const data::Dataset> dataset_;
  std::shared_ptr<const data::Dataset> held_out_;
  model::Preprocess preprocess_;
  std::shared_ptr<net::DenseNetwork> network_;
  std::unique_ptr<trainer::WeightAverage> average_;
  std::unique_ptr<trainer::SupervisedTask> task_;
  std::unique_ptr<trainer::Optimizer> optimizer_;
  std::unique_ptr<HeldOutValidator> validator_;
  std::unique_ptr<data::Loader> loader_;
  std::unique_ptr<report::MetricsLog> metrics_;
  std::optional<ValidationScores> best_;
  ValidationScores latest_;
};

FinetuneRun::FinetuneRun(const FinetuneOptions& options, const core::Context& context)
    : options_(options),
      run_(options.output),
      context_(context),
      device_(tensor::choose_device(options.device)),
      dtype_(tensor::choose_type(options.precision, device_)) {
  tensor::set_threads(options_.threads);
  tensor::keep_freed_memory();
  prepare_folder(options_);
  context_ = with_log_file(context, run_);
  write_config();  // an early interruption must leave a run that --resume knows
  open_data();
  write_config();  // now with the measured normalisation
  build_network();
  build_training();
}

void FinetuneRun::write_config() const {
  Json config = core::options_to_json(options_);
  config["resume"] = false;
  config["extend_to"] = 0;
  core::write_atomically(run_config_path(run_), std::string_view(to_yaml(config)));
}

void FinetuneRun::open_data() {
  const int classes = static_cast<int>(options_.classes.size()) + 1;
  const CheckOptions check_options{.data = training_data(options_), .classes = options_.classes};
  auto dataset =
      std::make_shared<data::Dataset>(open_dataset(check_options.data, classes, context_));
  const CheckReport checked = check_dataset(*dataset, check_options, context_);
  throw_if_bad(checked, check_options);
  context_.log->info("training data: {} slices of {} images\n{}", dataset->slices.size(),
                     dataset->volumes.size(), to_table(checked, 12));
  preprocess_.range = dataset->range;
  preprocess_.mean = options_.normalisation.mean.value_or(checked.statistics.mean());
  preprocess_.std = options_.normalisation.std.value_or(checked.statistics.std());
  options_.normalisation = {.mean = preprocess_.mean, .std = preprocess_.std};
  dataset_ = dataset;
  if (!options_.validates()) {
    context_.log->warn("no held-out images: the last weights become the model, unscored");
    return;
  }
  CheckOptions held_out_options{.data = held_out_data(options_), .classes = options_.classes};
  if (preprocess_.range != core::IntensityRange{}) {  // what predict will do
    held_out_options.data.input_range = {preprocess_.range.low, preprocess_.range.high};
  }
  auto held_out =
      std::make_shared<data::Dataset>(open_dataset(held_out_options.data, classes, context_));
  throw_if_bad(check_dataset(*held_out, held_out_options, context_), held_out_options);
  held_out_ = held_out;
}

void FinetuneRun::build_network() {
  at::manual_seed(core::mix({options_.seed, 0}));
  const Json network = core::options_to_json(options_.network);
  network_ = net::make_network("transunet", network);
  if (!options_.init.empty()) {
    net::load_state_dict(*network_, initial_weights(options_.init), options_.init);
  }
  network_->to(device_);
  if (options_.average_decay > 0) {
    auto average = net::make_network("transunet", network);
    average->to(device_);
    average_ = std::make_unique<trainer::WeightAverage>(std::move(average), *network_,
                                                        options_.average_decay);
  }
}

void FinetuneRun::build_training() {
  const augment::Normalisation normalisation{.mean = preprocess_.mean, .std = preprocess_.std};
  task_ = std::make_unique<trainer::SupervisedTask>(
      network_,
      [recipe = options_.augment, normalisation, device = device_](const data::RawBatch& raw) {
        return augment_batch(raw, recipe, normalisation, device);
      },
      loss::SegmentationLossOptions{.ce_weight = options_.loss.ce_weight,
                                    .dice_weight = options_.loss.dice_weight,
                                    .class_weights = options_.loss.class_weights},
      dtype_ == at::kBFloat16 ? trainer::Arithmetic::bf16 : trainer::Arithmetic::fp32);
  optimizer_ = std::make_unique<trainer::Optimizer>(*network_, options_.optimizer);
  if (held_out_) {
    validator_ = std::make_unique<HeldOutValidator>(
        held_out_, ValidatorSetup{.classes = options_.classes,
                                  .preprocess = preprocess_,
                                  .windows = options_.validation.windows,
                                  .max_slices = options_.validation.max_slices,
                                  .device = device_,
                                  .dtype = dtype_});
  }
}

model::Card FinetuneRun::card() const {
  model::Card card;
  card.name = options_.preset;
  card.network_options = core::options_to_json(options_.network);
  card.classes.push_back({.id = 0, .name = "background"});
  for (const std::string& name : options_.classes) {
    card.classes.push_back({.id = static_cast<int>(card.classes.size()), .name = name});
  }
  card.preprocess = preprocess_;
  for (const data::LabelledVolume& volume : dataset_->volumes) {
    const auto& voxel_nm = volume.image->info().voxel_nm;
    if (voxel_nm && std::find(card.voxel_nm_seen.begin(), card.voxel_nm_seen.end(), *voxel_nm) ==
                        card.voxel_nm_seen.end()) {
      card.voxel_nm_seen.push_back(*voxel_nm);
    }
  }
  card.provenance = {{"seed", options_.seed},
                     {"training_slices", dataset_->slices.size()},
                     {"init", options_.init}};
  return card;
}

trainer::LoopOptions FinetuneRun::loop_options() const {
  return {.steps = options_.steps,
          .max_seconds = options_.max_seconds,
          .validate_every = options_.validation.every,
          .checkpoint_every = options_.checkpoint_every,
          .log_every = options_.log_every,
          .patience = options_.patience,
          .learning_rate = options_.optimizer.learning_rate,
          .seed = options_.seed,
          .keep = options_.keep,
          .schedule = options_.schedule};
}

std::optional<double> FinetuneRun::validate(const trainer::LoopState& state) {
  latest_ = validator_->score(kept_network());
  Json values = {{"validation/iou", latest_.mean_iou()}};
  for (const ClassScore& score : latest_.classes) {
    values["validation/iou/" + score.name] = score.iou;
    values["validation/pooled_iou/" + score.name] = score.pooled_iou;
  }
  metrics_->write(state.step, watch_.seconds(), values);
  context_.log->info("step {}: validation IoU {:.4f}", state.step, latest_.mean_iou());
  return latest_.mean_iou();
}

void FinetuneRun::keep_model(const trainer::LoopState& state) {
  model::Card kept = card();
  kept.provenance["steps"] = state.step;
  if (validator_) {
    kept.metrics["validation_iou"] = latest_.mean_iou();
    best_ = latest_;
  }
  model::save(run_ / "model", kept, kept_network());
}

trainer::LoopHooks FinetuneRun::hooks() {
  trainer::LoopHooks hooks;
  hooks.checkpoints = run_ / "checkpoints";
  hooks.next_batch = [this] { return loader_->next(); };
  hooks.elapsed_s = [this] { return watch_.seconds(); };
  hooks.keep_model = [this](const trainer::LoopState& state) { keep_model(state); };
  hooks.log = [this](const trainer::LoopState& state, const Json& values) {
    metrics_->write(state.step, state.seconds, values);
  };
  if (validator_) {
    hooks.validate = [this](const trainer::LoopState& state) { return validate(state); };
  }
  return hooks;
}

/// Restores the newest checkpoint of a resumed run; the step it is at.
std::int64_t FinetuneRun::restore(trainer::TrainLoop& loop) {
  const std::vector<std::int64_t> steps = trainer::checkpoint_steps(run_ / "checkpoints");
  if (!options_.resume || steps.empty()) {
    return 0;
  }
  const fs::path folder = trainer::checkpoint_folder(run_ / "checkpoints", steps.back());
  loop.restore(trainer::load_checkpoint(folder), folder.string());
  context_.log->info("resumed after step {}", steps.back());
  return steps.back();
}

FinetuneReport FinetuneRun::run() {
  trainer::TrainLoop loop(*task_, *optimizer_, average_.get(), loop_options(), hooks());
  const std::int64_t start = restore(loop);
  metrics_ = std::make_unique<report::MetricsLog>(run_, options_.resume ? start : -1);
  loader_ = std::make_unique<data::Loader>(
      dataset_,
      data::LoaderOptions{.batch = options_.batch,
                          .seed = options_.seed,
                          .threads = reading_threads(options_.threads),
                          .start = start},
      choose_box(options_.augment));
  context_.log->info("training {} on {} in {}", options_.preset, device_.str(),
                     dtype_ == at::kBFloat16 ? "bf16" : "fp32");
  const core::Stopwatch training;
  const trainer::LoopState state = loop.run(context_);
  const double earlier_s = std::max(0.0, state.seconds - watch_.seconds());  // before a resume
  FinetuneReport report{.run = run_.string(),
                        .steps = state.step,
                        .seconds = state.seconds,
                        .best_validation_iou = state.best_score,
                        .best_step = state.best_step,
                        .device_busy = 1 - loader_->waited_s() / std::max(training.seconds(), 1e-9),
                        .report = (run_ / "report.html").string()};
  write_report(report);
  report.seconds = earlier_s + watch_.seconds();
  return report;
}

/// Pictures for the report: of the validation that chose the model, if it was in this process, else
/// predicted again; training slices where nothing is held out.
std::vector<SliceSample> FinetuneRun::samples_of_kept_model() const {
  if (best_) {
    return best_->samples;
  }
  const model::Model kept = model::load(run_ / "model");
  const HeldOutValidator few(held_out_ ? held_out_ : dataset_,
                             ValidatorSetup{.classes = options_.classes,
                                            .preprocess = preprocess_,
                                            .windows = options_.validation.windows,
                                            .max_slices = 2,
                                            .device = device_,
                                            .dtype = dtype_});
  return few.score(*kept.network).samples;
}

void FinetuneRun::write_report(const FinetuneReport& report) {
  RunSummary summary;
  summary.title = fmt::format("Fine-tuning {}", options_.preset);
  summary.facts = {
      {"steps", std::to_string(report.steps)},
      {"seconds", fmt::format("{:.0f}", report.seconds)},
      {"device", fmt::format("{}, {}", device_.str(), dtype_ == at::kBFloat16 ? "bf16" : "fp32")},
      {"device busy", fmt::format("{:.0f} %", 100 * report.device_busy)},
      {"training slices", std::to_string(dataset_->slices.size())},
      {"held-out slices", std::to_string(validator_ ? validator_->slices() : 0)},
      {"best validation IoU",
       report.best_validation_iou
           ? fmt::format("{:.4f} after step {}", *report.best_validation_iou, report.best_step)
           : "not validated"}};
  summary.class_names = options_.classes;
  if (options_.channels() > 1) {
    summary.class_names.insert(summary.class_names.begin(), "background");
  }
  summary.validation = best_;
  summary.samples_are = held_out_ ? "Held-out slices" : "Training slices";
  summary.samples = samples_of_kept_model();
  write_run_report(run_, summary);
}

}  // namespace

FinetuneReport finetune(const FinetuneOptions& options, const core::Context& context) {
  return FinetuneRun(options, context).run();
}

Json to_json(const FinetuneReport& report) {
  return {{"run", report.run},
          {"steps", report.steps},
          {"seconds", report.seconds},
          {"best_validation_iou",
           report.best_validation_iou ? Json(*report.best_validation_iou) : Json(nullptr)},
          {"best_step", report.best_step},
          {"device_busy", report.device_busy},
          {"report", report.report}};
}

std::string to_text(const FinetuneReport& report) {
  std::string text = fmt::format("run       {}\nsteps     {}\nseconds   {:.1f}\n", report.run,
                                 report.steps, report.seconds);
  if (report.best_validation_iou) {
    text += fmt::format("best validation IoU {:.4f} after step {}\n", *report.best_validation_iou,
                        report.best_step);
  }
  return text + fmt::format("report    {}\n", report.report);
}

}  // namespace retina::pipeline
