#include "retina/pipeline/pretrain/pretrain_run.h"

#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/data/statistics.h"
#include "retina/model/model.h"
#include "retina/pipeline/models/transfer_record.h"
#include "retina/pipeline/pretrain/collapse.h"
#include "retina/pipeline/pretrain/pretrain_start.h"
#include "retina/pipeline/pretrain/restoration_pictures.h"
#include "retina/pipeline/run/training_batches.h"
#include "retina/report/metrics_log.h"
#include "retina/trainer/restoration_task.h"
#include "retina/trainer/schedule.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kMeasuredPlanes = 400;  ///< for mean and standard deviation

/// Pixels are divided by their standard deviation. As check() says it for fine-tuning.
void require_contrast(const data::Statistics& measured) {
  if (measured.std() == 0) {
    throw Error(ErrorKind::bad_data, Problem{.subject = "images",
                                             .found = "one grey value everywhere",
                                             .expected = "images with contrast",
                                             .remedy = "check the image files or the input range"});
  }
}

}  // namespace

void PretrainRun::open_data() {
  PretrainingImages images = open_images(options_, run_.context());
  inputs_.sources = std::move(images.records);
  dataset_ = std::move(images.dataset);
  range_ = images.range;
  if (!options_.normalisation.mean || !options_.normalisation.std) {
    const data::Statistics measured = data::measure(*dataset_, kMeasuredPlanes, options_.seed);
    if (!options_.normalisation.std) {
      require_contrast(measured);
    }
    options_.normalisation = {.mean = options_.normalisation.mean.value_or(measured.mean()),
                              .std = options_.normalisation.std.value_or(measured.std())};
  }
  normalisation_ = {.mean = *options_.normalisation.mean, .std = *options_.normalisation.std};
  run_.context().log->info("{} patches an epoch, of {} images; {} steps", dataset_->slices.size(),
                           image_count(), epoch_steps());
}

std::shared_ptr<net::DenseNetwork> PretrainRun::make_network() {
  auto network = run_.make_network(core::options_to_json(options_.network));
  if (!options_.init.empty() && !run_.has_checkpoint()) {
    transfer_ = start_from_init(options_, *network);
    run_.context().log->info("{}", to_text(*transfer_));
  }
  return network;
}

trainer::TaskInputs PretrainRun::transform(const data::RawBatch& raw) const {
  return restoration_batch(raw, options_.augment, normalisation_, run_.device());
}

/// The same few images for every picture.
trainer::TaskInputs PretrainRun::first_images() const {
  data::Loader loader(dataset_,
                      {.batch = options_.pictures,
                       .seed = options_.seed,
                       .shuffle = data::Shuffle::same_each_epoch,
                       .threads = 0},
                      choose_box(options_.augment));
  return transform(loader.next());
}

void PretrainRun::draw_pictures(std::int64_t step) {
  pictures_ = restoration_pictures(run_.kept_network(), probe_, normalisation_);
  write_picture_file(run_.folder().path() / "pictures" / fmt::format("step_{:08}.png", step),
                     pictures_);
}

void PretrainRun::log(const trainer::LoopState& state, Json& values) {
  reached_ = state;
  values["epoch"] = static_cast<double>(state.step) / static_cast<double>(epoch_steps());
  const std::int64_t every = options_.pictures_every;
  if (every > 0 && state.step / every > (state.step - options_.log_every) / every) {
    draw_pictures(state.step);
    write_page_under_way(values);
  }
}

TrainingHooks PretrainRun::hooks() {
  TrainingHooks hooks;
  hooks.steps = steps_of_run(*dataset_, options_);
  hooks.horizon = options_.max_epochs * epoch_steps();
  warn_of_horizon(hooks);
  hooks.checkpoint_every = options_.checkpoint_every > 0
                               ? options_.checkpoint_every
                               : options_.checkpoint_epochs * epoch_steps();
  hooks.ghost_batch = options_.ghost_batch;
  hooks.statistics = options_.ghost_statistics;
  hooks.checkpoint_seconds = 60 * options_.checkpoint_minutes;
  hooks.keep_model = [this](const trainer::LoopState& state) {
    keep_model(state);
    reached_ = state;
    write_page_under_way(run_.last_figures());
  };
  hooks.log = [this](const trainer::LoopState& state, Json& values) { log(state, values); };
  hooks.inspect = [this](const trainer::Inspection& look) { inspect(look); };
  return hooks;
}

/// A schedule that ends before the run leaves it the last rate, which may be none.
void PretrainRun::warn_of_horizon(const TrainingHooks& hooks) const {
  const bool lags = options_.schedule.kind == trainer::ScheduleKind::poly;  // as published
  const std::int64_t reached = hooks.horizon + (lags ? 1 : 0);              // counted from 0
  if (hooks.horizon == 0 || reached >= hooks.steps) {
    return;
  }
  const double rate =
      options_.optimizer.learning_rate *
      trainer::rate_factor(options_.schedule, {.step = reached, .steps = hooks.horizon});
  run_.context().log->warn(
      "max_epochs ({}) ends before the run: from step {} of {} on the learning rate is {}",
      options_.max_epochs, reached + 1, hooks.steps,
      rate > 0 ? fmt::format("{:.3g}", rate) : "0 and nothing is learnt");
}

/// The first steps may give a constant; a checkpoint of one never takes the place of a better one.
void PretrainRun::inspect(const trainer::Inspection& look) {
  reached_ = look.state;
  if (options_.collapse_after == 0) {
    return;
  }
  const std::optional<Problem> collapse = collapse_of(look.last, look.state.step);
  const bool replaces_a_good_one = look.before_keeping && has_kept_good_;
  if (collapse && (look.state.step >= options_.collapse_after || replaces_a_good_one)) {
    throw Error(ErrorKind::bad_data, *collapse);
  }
  has_kept_good_ = has_kept_good_ || (look.before_keeping && !collapse);
}

void PretrainRun::keep_model(const trainer::LoopState& state) const {
  model::Card card = worded_card(options_, options_.preset);
  card.network_options = core::options_to_json(options_.network);
  card.preprocess = {.range = range_, .mean = normalisation_.mean, .std = normalisation_.std};
  card.voxel_nm_seen = data::voxel_sizes_used(*dataset_);
  card.provenance.update({{"pretraining", "image restoration"},
                          {"seed", options_.seed},
                          {"steps", state.step},
                          {"images", image_count()},
                          {"patches_an_epoch", dataset_->slices.size()},
                          {"precision", run_.precision()},
                          {"init", options_.init}});
  card.provenance.update(provenance_of(inputs_));
  const Json figures = run_.last_figures();
  for (const char* name : {"loss", "input_error"}) {
    if (const std::optional<double> figure = report::number_in(figures, name)) {
      card.metrics[name] = *figure;
    }
  }
  model::save(run_.folder().model(), card, run_.kept_network());
}

PretrainReport PretrainRun::report_of(const trainer::LoopState& state, const Json& figures) const {
  const auto figure = [&](const char* name) { return report::number_in(figures, name); };
  return {.run = run_.folder().path().string(),
          .steps = state.step,
          .epochs = static_cast<double>(state.step) / static_cast<double>(epoch_steps()),
          .seconds = run_.seconds(),
          .loss = figure("loss"),
          .input_error = figure("input_error"),
          .device_busy = figure("device_busy"),
          .report = (run_.folder().path() / "report.html").string(),
          .rank = run_.rank()};
}

/// So that a run that is killed leaves one.
void PretrainRun::write_page_under_way(const Json& figures) {
  if (pictures_.empty()) {  // of a run that was resumed, or has just begun
    pictures_ = restoration_pictures(run_.kept_network(), probe_, normalisation_);
  }
  PretrainReport report = report_of(reached_, figures);
  report.seconds_left = report::number_in(figures, "seconds_left");
  write_page(report, "under way");
}

/// Why the training ended before its time.
void PretrainRun::write_page_of_failure(const Error& error) const {
  const bool was_stopped = error.kind() == ErrorKind::interrupted;
  try {
    write_page(report_of(reached_, run_.last_figures()),
               was_stopped ? error.what() : fmt::format("ended: {}", error.what()));
  } catch (const Error& second) {  // the first one is what the user has to know
    run_.context().log->warn("the report does not tell why the run ended: {}", second.what());
  }
}

void PretrainRun::write_page(const PretrainReport& report, const std::string& state) const {
  write_pretrain_page(report, options_.preset,
                      {.state = state,
                       .device = run_.device_text(),
                       .images = image_count(),
                       .patches = dataset_->slices.size(),
                       .transfer = transfer_facts(run_.folder().path()),
                       .pictures = pictures_});
}

TrainingOutcome PretrainRun::train() {
  trainer::RestorationTask task(network_,
                                [this](const data::RawBatch& raw) { return transform(raw); },
                                {.ghost_batch = options_.ghost_batch,
                                 .statistics = options_.ghost_statistics,
                                 .arithmetic = run_.arithmetic()});
  try {
    return run_.train(task, dataset_, choose_box(options_.augment), hooks(), {.drop_last = true});
  } catch (const Error& error) {
    if (run_.leads()) {
      write_page_of_failure(error);
    }
    throw;
  }
}

PretrainReport PretrainRun::run() {
  open_data();
  network_ = make_network();
  inputs_.config = core::options_to_json(options_);
  if (run_.leads()) {
    inputs_.data = sampled_digest(*dataset_);
  }
  run_.begin(inputs_.config, {.training = dataset_.get(), .digest = inputs_.data}, network_,
             options_.optimizer);
  if (transfer_ && run_.leads()) {
    write_transfer(run_.folder().path(), *transfer_);
  }
  inputs_.run = run_.folder().path();
  probe_ = first_images();
  reached_.step = run_.checkpoint_step();
  has_kept_good_ = run_.told_by_leader(run_.has_checkpoint() &&
                                       !collapse_of(run_.last_figures(), reached_.step));
  const TrainingOutcome outcome = train();
  PretrainReport report = report_of(outcome.state, outcome.figures);
  report.device_busy = outcome.device_busy;
  if (!run_.leads()) {
    return report;
  }
  draw_pictures(outcome.state.step);
  write_page(report, "finished");
  report.seconds = run_.seconds();
  return report;
}

}  // namespace retina::pipeline
