#include "retina/trainer/train_loop.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include <ATen/Context.h>
#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/durable.h"
#include "retina/core/rng.h"
#include "retina/net/weights.h"
#include "retina/tensor/out_of_memory.h"
#include "retina/trainer/propagate.h"

namespace retina::trainer {
namespace {

/// Share of a time limit that is kept free for what follows the last step, when no validation has
/// been timed yet.
constexpr double kUnmeasuredReserve = 0.06;
/// The same for writing the model and the report.
constexpr double kClosingReserve = 0.01;
/// A validation that takes a larger share of a time-limited run is not repeated on the way.
constexpr double kDearValidation = 0.05;
constexpr double kAutomaticValidations = 3;
/// After so many steps that fitted into memory, the next ones are expected to.
constexpr std::int64_t kStepsInDoubt = 4;

constexpr std::uint64_t kDropoutStream = 0xd409;

constexpr const char* kTooFast =
    "lower optimizer.learning_rate or use --precision fp32; the checkpoints before it are kept";

/// The first weight or running statistic with a value that is infinite or not a number; empty if
/// there is none.
std::string name_of_infinite(const torch::nn::Module& network) {
  for (const auto& tensors : {network.named_parameters(), network.named_buffers()}) {
    for (const auto& item : tensors) {
      if (item.value().is_floating_point() && !item.value().isfinite().all().item<bool>()) {
        return item.key();
      }
    }
  }
  return {};
}

}  // namespace

TrainLoop::TrainLoop(Task& task, Optimizer& optimizer, WeightAverage* average, LoopOptions options,
                     LoopHooks hooks)
    : task_(task),
      optimizer_(optimizer),
      average_(average),
      options_(std::move(options)),
      hooks_(std::move(hooks)) {
  if (options_.steps <= 0 && options_.max_seconds <= 0) {
    throw Error(ErrorKind::usage, Problem{.subject = "steps",
                                          .found = "neither steps nor max_seconds",
                                          .expected = "at least one of them",
                                          .remedy = {}});
  }
}

void TrainLoop::restore(const Checkpoint& checkpoint, const std::string& source) {
  // first: where it is refused, nothing else may have changed
  const LoopState state = loop_state_of(checkpoint.progress, source + "/checkpoint.json");
  net::load_state_dict(task_.network(), checkpoint.weights, source);
  optimizer_.load_state(checkpoint.optimizer, source);
  meters_.load_state(checkpoint.meters, source);
  task_.load_state(checkpoint.task, source);
  if (average_ != nullptr) {
    average_->load_state(checkpoint.average, source);
  }
  state_ = state;
  seconds_before_ = state_.seconds - hooks_.elapsed_s();
  unsaved_ = false;
  is_restored_ = true;
}

LoopState TrainLoop::run(const core::Context& context) {
  require_time();
  graphed_ = std::make_unique<GraphedStep>(
      task_, [log = context.log](const std::string& text) { log->info("{}", text); });
  task_.network().train();
  logged_step_ = state_.step;
  logged_seconds_ = seconds_before_ + hooks_.elapsed_s();
  if (options_.steps == 0) {
    context.progress->begin("training", std::llround(options_.max_seconds), core::kSecondsUnit,
                            progress_done());
  } else {
    context.progress->begin("training", options_.steps, "steps", progress_done());
  }
  try {
    run_steps(context);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted && state_.step > 0) {
      checkpoint_interrupted(context);
    }
    throw;
  }
  checkpoint();
  context.progress->end();
  if (stopped_by_patience()) {
    context.log->info("stopped after step {}: {}", state_.step, patience_note());
  }
  return state_;
}

/// Untrained weights are no result.
void TrainLoop::require_time() const {
  if (state_.step > 0 || !out_of_time()) {
    return;
  }
  throw Error(
      ErrorKind::resource,
      Problem{.subject = "max_seconds",
              .found = fmt::format("{:.4g} s for this training", options_.max_seconds),
              .expected = fmt::format("enough for one step, which would begin after {:.2g} s",
                                      seconds_before_ + hooks_.elapsed_s()),
              .remedy = "give more time, or --steps"});
}

void TrainLoop::run_steps(const core::Context& context) {
  if (is_restored_ && validation_is_due()) {
    validate();  // it was interrupted
    if (checkpoint_is_due()) {
      checkpoint();  // as if it had not been
    }
  }
  bool is_last = finished();
  while (!is_last) {
    context.check_stop(fmt::format("stopped after {} steps; go on with --resume", state_.step));
    train_step(context);
    is_last = ends_after_step();
    if (is_last || state_.step % options_.log_every == 0) {
      log_step();
    }
    context.progress->update(progress_done(), progress_note_);
    // of the last step before its checkpoint: else a kill after that checkpoint repeats it
    if (validation_is_due() || (is_last && is_unvalidated())) {
      validate();
    }
    if (checkpoint_is_due()) {
      checkpoint();
    }
    is_last = is_last || ends_after_step();
  }
  log_step();  // where it was the validation that took the last of the time, or of the patience
  if (is_unvalidated()) {
    validate();
  }
  if (hooks_.validate && !state_.best_score) {  // no score was defined
    hooks_.keep_model(state_);
  }
}

bool TrainLoop::finished() const {
  return all_steps_done() || out_of_time() || out_of_patience();
}

bool TrainLoop::all_steps_done() const {
  return options_.steps > 0 && state_.step >= options_.steps;
}

bool TrainLoop::out_of_patience() const {
  return options_.patience > 0 && state_.stale >= options_.patience;
}

/// And by nothing else: the closing validation of a run that time has ended may be a stale one.
bool TrainLoop::stopped_by_patience() const {
  const bool by_time = options_.max_seconds > 0 && state_.ended_by_seconds >= options_.max_seconds;
  return out_of_patience() && !all_steps_done() && !by_time;
}

std::string TrainLoop::patience_note() const {
  std::string note = fmt::format("no better validation in {} in a row", state_.stale);
  if (state_.best_step >= 0) {
    note += fmt::format("; the best was step {}", state_.best_step);
  }
  return note;
}

std::string TrainLoop::ending() const {
  if (stopped_by_patience()) {
    return "stopped by patience: " + patience_note();
  }
  return all_steps_done() ? "all steps done" : "time ended";
}

/// Not even one more step would end in time, or the run was ended by this limit before.
bool TrainLoop::out_of_time() const {
  return options_.max_seconds > 0 &&
         (time_share() >= 1 || time_share(state_.seconds_per_step) > 1 ||
          state_.ended_by_seconds >= options_.max_seconds);
}

/// finished(), with a note in the state where time ends the run: its last validation may take less
/// than was kept free for it, and resumed, the run would find time for another step.
bool TrainLoop::ends_after_step() {
  const bool ends = finished();
  if (ends && out_of_time() && state_.ended_by_seconds < options_.max_seconds) {
    state_.ended_by_seconds = options_.max_seconds;
    unsaved_ = true;
  }
  return ends;
}

/// Share of the time for training steps that will have passed `ahead_s` from now: the limit less
/// what must follow the last one.
double TrainLoop::time_share(double ahead_s) const {
  if (options_.max_seconds <= 0) {
    return 0;
  }
  double reserve = kClosingReserve * options_.max_seconds;
  if (hooks_.validate) {
    reserve += state_.validation_seconds > 0 ? 1.1 * state_.validation_seconds
                                             : kUnmeasuredReserve * options_.max_seconds;
  }
  const double available = std::max(options_.max_seconds - reserve, 0.5 * options_.max_seconds);
  return (seconds_before_ + hooks_.elapsed_s() + ahead_s) / available;
}

double TrainLoop::share_done() const {
  const double by_steps =
      options_.steps > 0 ? static_cast<double>(state_.step) / static_cast<double>(options_.steps)
                         : 0;
  return std::max(by_steps, time_share());
}

bool TrainLoop::is_unvalidated() const {
  return hooks_.validate && state_.validated_step != state_.step;
}

bool TrainLoop::validation_is_due() const {
  if (!is_unvalidated()) {
    return false;
  }
  if (const std::vector<std::int64_t>& at = options_.validate_at; !at.empty()) {
    return std::find(at.begin(), at.end(), state_.step) != at.end();
  }
  if (options_.validate_every > 0) {
    return state_.step % options_.validate_every == 0;
  }
  if (options_.max_seconds > 0) {
    const bool dear = state_.validation_seconds > kDearValidation * options_.max_seconds;
    return !dear && share_done() * kAutomaticValidations >= state_.validations + 1;
  }
  const auto third = static_cast<std::int64_t>(
      std::ceil(static_cast<double>(options_.steps) / kAutomaticValidations));
  return state_.step % third == 0;
}

bool TrainLoop::checkpoint_is_due() const {
  const bool by_steps =
      options_.checkpoint_every > 0 && state_.step % options_.checkpoint_every == 0;
  const bool by_time = options_.checkpoint_seconds > 0 &&
                       hooks_.elapsed_s() - saved_at_s_ >= options_.checkpoint_seconds;
  return by_steps || by_time;
}

void TrainLoop::train_step(const core::Context& context) {
  const double start_s = hooks_.elapsed_s();
  const bool has_horizon = options_.horizon > 0;
  learning_rate_ =
      options_.learning_rate *
      rate_factor(options_.schedule, {.step = state_.step,
                                      .steps = has_horizon ? options_.horizon : options_.steps,
                                      .time_share = has_horizon ? 0 : time_share()});
  const data::RawBatch raw = hooks_.next_batch();
  // Dropout depends on (seed, rank, step) alone, so a resumed run repeats it.
  at::manual_seed(
      core::mix({options_.seed, kDropoutStream + static_cast<std::uint64_t>(options_.rank),
                 static_cast<std::uint64_t>(state_.step)}));
  const std::vector<Part> parts = compute_gradients(raw, context);
  optimizer_.step(learning_rate_);
  if (average_ != nullptr) {
    average_->update();
  }
  meters_.add(parts);
  ++state_.step;
  unsaved_ = true;
  state_.seconds = seconds_before_ + hooks_.elapsed_s();
  if (is_warm_) {
    state_.seconds_per_step = hooks_.elapsed_s() - start_s;
  }
  is_warm_ = true;
}

/// Gradients of the mean loss over the batch; in parts where memory does not suffice for all of it
/// at once.
std::vector<Part> TrainLoop::compute_gradients(const data::RawBatch& raw,
                                               const core::Context& context) {
  const std::size_t batch = raw.samples.size();
  // For an attempt that fails after it has changed the running statistics. Once all is well they
  // are not copied any more: where memory runs out later, that one attempt counts in them.
  std::unique_ptr<RunningStatistics> statistics;
  const auto note_statistics = [&] {
    statistics = std::make_unique<RunningStatistics>(task_.network(), options_.statistics);
  };
  if (batch > most_at_once_ || fitted_steps_ < kStepsInDoubt) {
    note_statistics();
  }
  std::vector<Part> parts;
  const auto attempt = [&] {
    parts = batch > most_at_once_ ? compute_in_parts(raw, *statistics) : compute_whole(raw);
  };
  while (!tensor::fits_memory(attempt)) {
    take_less_memory(batch, context);
    if (statistics) {
      statistics->start_over();
    } else {
      note_statistics();
    }
  }
  ++fitted_steps_;
  return hooks_.exchange != nullptr ? hooks_.exchange->finish(parts) : parts;
}

std::vector<Part> TrainLoop::compute_whole(const data::RawBatch& raw) {
  const TaskInputs inputs = task_.prepare(raw);
  if (options_.cuda_graph && hooks_.exchange == nullptr) {
    return graphed_->run(inputs);
  }
  TaskOutput output = task_.compute(inputs, 1);
  backward(output.loss, /*completes=*/true);
  return std::move(output.parts);
}

/// The first part comes last, as the first group of run_ghost_groups() does: its running statistics
/// stay.
std::vector<Part> TrainLoop::compute_in_parts(const data::RawBatch& raw,
                                              RunningStatistics& statistics) {
  std::vector<Part> parts;
  for (std::size_t begin = most_at_once_; begin < raw.samples.size(); begin += most_at_once_) {
    compute_part(raw, begin, parts);
    statistics.restore();
  }
  compute_part(raw, 0, parts);
  statistics.finish();
  return parts;
}

/// Weighted by its share of the samples.
void TrainLoop::compute_part(const data::RawBatch& raw, std::size_t begin,
                             std::vector<Part>& parts) {
  const std::size_t batch = raw.samples.size();
  const std::size_t count = std::min(batch - begin, most_at_once_);
  const auto first = raw.samples.begin() + static_cast<std::ptrdiff_t>(begin);
  const double share = static_cast<double>(count) / static_cast<double>(batch);
  const TaskInputs inputs =
      task_.prepare(data::RawBatch{{first, first + static_cast<std::ptrdiff_t>(count)}});
  const TaskOutput output = task_.compute(inputs, share);
  backward(output.loss * share, /*completes=*/begin == 0);
  add_share(parts, output.parts, share);
}

/// `completes`: the gradients of the step, which other ranks wait for.
void TrainLoop::backward(const at::Tensor& loss, bool completes) {
  if (completes && hooks_.exchange != nullptr) {
    hooks_.exchange->begin();
  }
  propagate(loss);
}

/// After an attempt that did not fit: what it left goes, and the next one is to need less.
void TrainLoop::take_less_memory(std::size_t batch, const core::Context& context) {
  if (hooks_.exchange != nullptr) {
    hooks_.exchange->restart();
  }
  graphed_->forget();
  task_.network().zero_grad();
  fitted_steps_ = 0;
  if (const std::string saving = task_.save_memory(); !saving.empty()) {
    context.log->warn("training: out of memory with a batch of {}: going on with {}", batch,
                      saving);
    return;
  }
  most_at_once_ = static_cast<std::size_t>(
      tensor::halve_batch(static_cast<int>(std::min(batch, most_at_once_)), "training",
                          [&](const std::string& text) { context.log->warn("{}", text); }));
}

/// The present figures; throws where they say that the training has gone wrong.
Json TrainLoop::sound_values(bool before_keeping) const {
  Json values = meters_.value();
  if (!std::isfinite(values.value("loss", 0.0))) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = fmt::format("training, step {}", state_.step),
                        .found = "a loss that is not a number",
                        .expected = "a finite loss",
                        .remedy = kTooFast});
  }
  if (hooks_.inspect) {
    const Json last = meters_.last();
    hooks_.inspect({.state = state_, .last = last, .before_keeping = before_keeping});
  }
  return values;
}

/// The figures are of the weights before the last step: they do not show that it spoilt them.
void TrainLoop::require_finite_weights() const {
  const std::string name = name_of_infinite(task_.network());
  const std::string mean_name =
      name.empty() && average_ != nullptr ? name_of_infinite(*average_->network()) : name;
  if (!mean_name.empty()) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = fmt::format("training, step {}", state_.step),
                        .found = fmt::format("a weight that is not a number ({})", mean_name),
                        .expected = "finite weights",
                        .remedy = kTooFast});
  }
}

/// In the unit of its begin: seconds where they alone are limited.
std::int64_t TrainLoop::progress_done() const {
  return options_.steps == 0 ? std::llround(state_.seconds) : state_.step;
}

/// One line for each step at most; the rate in the note is that since the line before.
void TrainLoop::log_step() {
  if (logged_step_ == state_.step) {
    return;
  }
  Json values = sound_values(/*before_keeping=*/false);
  const double loss = values.value("loss", 0.0);
  values["learning_rate"] = learning_rate_;
  hooks_.log(state_, values);
  progress_note_ = fmt::format("loss {:.3f}", loss);
  if (options_.steps == 0) {
    const auto steps = static_cast<double>(state_.step - logged_step_);
    const double seconds = std::max(state_.seconds - logged_seconds_, 1e-9);
    progress_note_ =
        fmt::format("{} steps, {:.3g} steps/s, {}", state_.step, steps / seconds, progress_note_);
  }
  logged_step_ = state_.step;
  logged_seconds_ = state_.seconds;
}

void TrainLoop::validate() {
  sound_values(/*before_keeping=*/false);
  require_finite_weights();
  const double start = hooks_.elapsed_s();
  const std::optional<double> score = hooks_.validate(state_);
  task_.network().train();
  unsaved_ = true;
  ++state_.validations;
  state_.validated_step = state_.step;
  state_.validation_seconds = hooks_.elapsed_s() - start;
  state_.seconds = seconds_before_ + hooks_.elapsed_s();
  const bool better = score && (!state_.best_score || *score > *state_.best_score);
  if (!better) {
    ++state_.stale;
    return;
  }
  state_.best_score = score;
  state_.best_step = state_.step;
  state_.stale = 0;
  hooks_.keep_model(state_);
  checkpoint();
}

/// The interruption stays the error: where the present weights may not or cannot be kept, that is
/// told beside it, and the run goes on from the checkpoint before.
void TrainLoop::checkpoint_interrupted(const core::Context& context) {
  try {
    checkpoint();
  } catch (const std::exception& error) {
    context.log->warn("no checkpoint after step {}: {}; those before it are kept", state_.step,
                      error.what());
  }
}

void TrainLoop::checkpoint() {
  saved_at_s_ = hooks_.elapsed_s();
  if (!unsaved_) {
    return;
  }
  sound_values(/*before_keeping=*/true);
  require_finite_weights();
  if (hooks_.checkpoints.empty()) {
    unsaved_ = false;
    return;
  }
  if (!hooks_.validate) {
    hooks_.keep_model(state_);  // no score says which is best: the last one
  }
  Checkpoint checkpoint{.progress = core::options_to_json(state_),
                        .weights = net::state_dict(task_.network()),
                        .average = average_ != nullptr ? average_->state() : tensor::NamedTensors{},
                        .optimizer = optimizer_.state(),
                        .meters = meters_.state(),
                        .task = task_.state()};
  save_checkpoint(checkpoint_folder(hooks_.checkpoints, state_.step), checkpoint);
  unsaved_ = false;
  if (options_.keep == Keep::all) {
    return;
  }
  for (const std::int64_t step : checkpoint_steps(hooks_.checkpoints)) {
    if (step != state_.step && step != state_.best_step) {
      core::discard(checkpoint_folder(hooks_.checkpoints, step));
    }
  }
}

}  // namespace retina::trainer
