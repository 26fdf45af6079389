#include "retina/pipeline/pretrain.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/file.h"
#include "retina/data/append.h"
#include "retina/data/statistics.h"
#include "retina/model/model.h"
#include "retina/net/network.h"
#include "retina/pipeline/initial_weights.h"
#include "retina/pipeline/open_dataset.h"
#include "retina/pipeline/restoration_pictures.h"
#include "retina/pipeline/run_config.h"
#include "retina/pipeline/run_report.h"
#include "retina/pipeline/training_batches.h"
#include "retina/pipeline/training_run.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kMeasuredPlanes = 400;  ///< for mean and standard deviation
/// An output whose standard deviation is a smaller share of the target's is constant.
constexpr double kConstantShare = 0.02;

/// Lists every plane as often as patches fit in it.
void repeat_planes(data::Dataset& source, std::int64_t patch) {
  std::vector<data::Slice> repeated;
  for (const data::Slice& slice : source.slices) {
    const data::LabelledVolume& volume = source.volumes[static_cast<std::size_t>(slice.volume)];
    const core::Vec3 plane = data::plane_shape(volume.image->shape(), slice.axis);
    const std::int64_t fit = patch > 0 ? std::max<std::int64_t>(1, plane[1] / patch) *
                                             std::max<std::int64_t>(1, plane[2] / patch)
                                       : 1;
    repeated.insert(repeated.end(), static_cast<std::size_t>(fit), slice);
  }
  source.slices = std::move(repeated);
}

/// The decoder goes on too where it was trained: pre-training continues another, or a fine-tuning.
net::TransferScope scope_of(const InitialWeights& weights) {
  return weights.has_trained_decoder() ? net::TransferScope::all : net::TransferScope::transformer;
}

/// The shape of the network that starts from `init`: what its weights tell, else as `given`.
Json network_from(const std::string& init, const Json& preset_network, const Json& given) {
  net::TransUNetOptions base;
  core::from_json_value(base, core::merge(preset_network, given.value("network", Json::object())),
                        "network");
  return core::options_to_json(read_initial_weights(init).network(base));
}

/// All parts of one run, wired.
class PretrainRun {
 public:
  PretrainRun(const PretrainOptions& options, const core::Context& context)
      : options_(options), run_(options, context) {}
  PretrainReport run();

 private:
  void open_data();
  std::shared_ptr<net::DenseNetwork> make_network();
  trainer::RestorationBatch transform(const data::RawBatch& raw) const;
  trainer::RestorationBatch first_images() const;
  TrainingHooks hooks();
  void log(const trainer::LoopState& state, Json& values);
  void draw_pictures(std::int64_t step);
  void keep_model(const trainer::LoopState& state) const;
  void write_page(const PretrainReport& report) const;
  std::int64_t epoch_steps() const {
    return std::max<std::int64_t>(
        1, static_cast<std::int64_t>(dataset_->slices.size()) / options_.batch);
  }

  PretrainOptions options_;
  TrainingRun run_;
  std::shared_ptr<const data::Dataset> dataset_;
  augment::Normalisation normalisation_;
  std::shared_ptr<net::DenseNetwork> network_;
  std::optional<TransferSummary> transfer_;  ///< none without other weights, or after a resume
  trainer::RestorationBatch probe_;          ///< images of the pictures, always the same
  std::vector<std::vector<report::Picture>> pictures_;
};

void PretrainRun::open_data() {
  auto dataset = std::make_shared<data::Dataset>();
  for (const data::DataOptions& options : options_.sources()) {
    data::Dataset source = open_dataset(options, 1, run_.context());
    repeat_planes(source, options_.augment.patch);
    data::append(*dataset, std::move(source));
  }
  if (!options_.normalisation.mean || !options_.normalisation.std) {
    const data::Statistics measured = data::measure(*dataset, kMeasuredPlanes, options_.seed);
    options_.normalisation = {.mean = options_.normalisation.mean.value_or(measured.mean()),
                              .std = options_.normalisation.std.value_or(measured.std())};
  }
  normalisation_ = {.mean = *options_.normalisation.mean, .std = *options_.normalisation.std};
  dataset_ = std::move(dataset);
  run_.context().log->info("{} patches an epoch, of {} images; {} steps", dataset_->slices.size(),
                           dataset_->volumes.size(), epoch_steps());
}

std::shared_ptr<net::DenseNetwork> PretrainRun::make_network() {
  auto network = run_.make_network(core::options_to_json(options_.network));
  if (!options_.init.empty() && !run_.has_checkpoint()) {
    const InitialWeights weights = read_initial_weights(options_.init);
    options_.licence = licence_over(options_.licence, weights);
    transfer_ = transfer_into(*network, weights, scope_of(weights), options_.optimizer.freeze);
    run_.context().log->info("{}", to_text(*transfer_));
  }
  return network;
}

trainer::RestorationBatch PretrainRun::transform(const data::RawBatch& raw) const {
  return restoration_batch(raw, options_.augment, normalisation_, run_.device());
}

/// The same few images for every picture.
trainer::RestorationBatch PretrainRun::first_images() const {
  data::Loader loader(dataset_,
                      {.batch = options_.pictures,
                       .seed = options_.seed,
                       .shuffle = data::Shuffle::same_each_epoch,
                       .threads = 0},
                      choose_box(options_.augment));
  return transform(loader.next());
}

void PretrainRun::draw_pictures(std::int64_t step) {
  pictures_ = restoration_pictures(*network_, probe_, normalisation_);
  write_picture_file(run_.folder().path() / "pictures" / fmt::format("step_{:08}.png", step),
                     pictures_);
}

void PretrainRun::log(const trainer::LoopState& state, Json& values) {
  values["epoch"] = static_cast<double>(state.step) / static_cast<double>(epoch_steps());
  const std::int64_t every = options_.pictures_every;
  if (every > 0 && state.step / every > (state.step - options_.log_every) / every) {
    draw_pictures(state.step);
  }
}

TrainingHooks PretrainRun::hooks() {
  TrainingHooks hooks;
  hooks.steps = options_.steps > 0 ? options_.steps : options_.epochs * epoch_steps();
  hooks.horizon = options_.max_epochs * epoch_steps();
  if (hooks.horizon > 0 && hooks.horizon < hooks.steps) {
    run_.context().log->warn(
        "max_epochs ({}) ends before the run: the learning rate stays at its last value from step "
        "{} of {} on",
        options_.max_epochs, hooks.horizon, hooks.steps);
  }
  hooks.checkpoint_every = options_.checkpoint_every > 0
                               ? options_.checkpoint_every
                               : options_.checkpoint_epochs * epoch_steps();
  hooks.statistics = options_.ghost_statistics;
  hooks.checkpoint_seconds = 60 * options_.checkpoint_minutes;
  hooks.keep_model = [this](const trainer::LoopState& state) { keep_model(state); };
  hooks.log = [this](const trainer::LoopState& state, Json& values) { log(state, values); };
  hooks.inspect = [this](const trainer::LoopState& state, const Json& values) {
    const bool early = options_.collapse_after == 0 || state.step < options_.collapse_after;
    if (const auto problem = early ? std::nullopt : collapse_of(values, state.step)) {
      throw Error(ErrorKind::bad_data, *problem);
    }
  };
  return hooks;
}

void PretrainRun::keep_model(const trainer::LoopState& state) const {
  model::Card card = worded_card(options_, options_.preset);
  card.network_options = core::options_to_json(options_.network);
  card.preprocess = {
      .range = dataset_->range, .mean = normalisation_.mean, .std = normalisation_.std};
  card.provenance.update({{"pretraining", "image restoration"},
                          {"seed", options_.seed},
                          {"steps", state.step},
                          {"images", dataset_->volumes.size()},
                          {"patches_an_epoch", dataset_->slices.size()},
                          {"precision", run_.precision()},
                          {"init", options_.init}});
  card.metrics = {{"loss", run_.figures().value("loss", 0.0)},
                  {"input_error", run_.figures().value("input_error", 0.0)}};
  model::save(run_.folder().model(), card, run_.kept_network());
}

void PretrainRun::write_page(const PretrainReport& report) const {
  RunSummary summary;
  summary.title = fmt::format("Pre-training {}", options_.preset);
  summary.facts = {
      {"steps", std::to_string(report.steps)},
      {"epochs", fmt::format("{:.2f}", report.epochs)},
      {"seconds", fmt::format("{:.0f}", report.seconds)},
      {"device", run_.device_text()},
      {"device busy", fmt::format("{:.0f} %", 100 * report.device_busy)},
      {"images", std::to_string(dataset_->volumes.size())},
      {"patches an epoch", std::to_string(dataset_->slices.size())},
      {"loss", fmt::format("{:.4f}", report.loss)},
      {"loss of an output equal to the input", fmt::format("{:.4f}", report.input_error)}};
  const auto transfer = transfer_facts(run_.folder().path());
  summary.facts.insert(summary.facts.end(), transfer.begin(), transfer.end());
  summary.pictures_are = "Input, reconstruction, target";
  summary.pictures = pictures_;
  write_run_report(report.run, summary);
}

PretrainReport PretrainRun::run() {
  open_data();
  network_ = make_network();
  run_.begin(core::options_to_json(options_), *dataset_, network_, options_.optimizer);
  if (transfer_ && run_.leads()) {
    write_transfer(run_.folder().path(), *transfer_);
  }
  probe_ = first_images();
  trainer::RestorationTask task(network_,
                                [this](const data::RawBatch& raw) { return transform(raw); },
                                {.ghost_batch = options_.ghost_batch,
                                 .statistics = options_.ghost_statistics,
                                 .arithmetic = run_.arithmetic()});
  const TrainingOutcome outcome =
      run_.train(task, dataset_, choose_box(options_.augment), hooks(), {.drop_last = true});
  PretrainReport report{
      .run = run_.folder().path().string(),
      .steps = outcome.state.step,
      .epochs = static_cast<double>(outcome.state.step) / static_cast<double>(epoch_steps()),
      .seconds = outcome.state.seconds,
      .loss = outcome.figures.value("loss", 0.0),
      .input_error = outcome.figures.value("input_error", 0.0),
      .device_busy = outcome.device_busy,
      .report = (run_.folder().path() / "report.html").string(),
      .rank = run_.rank()};
  if (!run_.leads()) {
    return report;
  }
  draw_pictures(outcome.state.step);
  write_page(report);
  report.seconds = run_.seconds();
  return report;
}

}  // namespace

std::optional<Problem> collapse_of(const Json& values, std::int64_t step) {
  const double output = values.value("output_std", 1.0);
  const double target = values.value("target_std", 0.0);
  if (output >= kConstantShare * target) {
    return std::nullopt;
  }
  return Problem{
      .subject = fmt::format("pre-training, step {}", step),
      .found = fmt::format("an almost constant output (standard deviation {:.2g})", output),
      .expected = fmt::format("one that varies as the target does ({:.2g})", target),
      .remedy = "lower optimizer.learning_rate; the checkpoints before it are kept"};
}

Json resolve_pretrain(const Json& asked, const core::Context&) {
  const Json given = without_version(asked, "configuration");
  if (given.value("resume", Json(false)) == Json(true)) {
    return resumed_config(given, completed<PretrainOptions>);
  }
  const PretrainOptions defaults;
  std::string preset = defaults.preset;
  if (given.contains("preset")) {
    core::from_json_value(preset, given["preset"], "preset");
  }
  Json network = net::preset_network(preset, 1);
  network["tail"] = core::enum_name(net::TransUNetTail::reconstruction);
  network["foreground_prior"] = 0;
  std::string init;
  if (given.contains("init")) {
    core::from_json_value(init, given["init"], "init");
  }
  if (!init.empty()) {
    network = network_from(init, network, given);
  }
  Json config = core::merge(Json{{"network", network}}, given);
  Json& augment = config["augment"];
  for (const char* key : {"size", "patch"}) {
    if (!augment.contains(key)) {
      augment[key] = config["network"]["window"];
    }
  }
  return config;
}

PretrainReport pretrain(const PretrainOptions& options, const core::Context& context) {
  return PretrainRun(options, context).run();
}

Json to_json(const PretrainReport& report) {
  return {{"run", report.run},
          {"steps", report.steps},
          {"epochs", report.epochs},
          {"seconds", report.seconds},
          {"loss", report.loss},
          {"input_error", report.input_error},
          {"device_busy", report.device_busy},
          {"report", report.report}};
}

std::string to_text(const PretrainReport& report) {
  return fmt::format(
      "run       {}\nsteps     {}\nepochs    {:.2f}\nseconds   {:.1f}\nloss      {:.4f} (output = "
      "input: {:.4f})\nreport    {}\n",
      report.run, report.steps, report.epochs, report.seconds, report.loss, report.input_error,
      report.report);
}

}  // namespace retina::pipeline
