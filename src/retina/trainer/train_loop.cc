#include "retina/trainer/train_loop.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <utility>

#include <ATen/Context.h>
#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/rng.h"
#include "retina/net/weights.h"
#include "retina/trainer/divergence.h"
#include "retina/trainer/schedule.h"

namespace retina::trainer {
namespace {

constexpr std::uint64_t kDropoutStream = 0xd409;

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
  gradients_ =
      std::make_unique<BatchGradients>(task_,
                                       BatchGradientsOptions{.exchange = hooks_.exchange,
                                                             .cuda_graph = options_.cuda_graph,
                                                             .statistics = options_.statistics},
                                       context);
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
  if (stopped_by_patience(now())) {
    context.log->info("stopped after step {}: {}", state_.step, patience_note(state_));
  }
  return state_;
}

std::string TrainLoop::ending() const {
  if (stopped_by_patience(now())) {
    return "stopped by patience: " + patience_note(state_);
  }
  return all_steps_done(now()) ? "all steps done" : "time ended";
}

RunMoment TrainLoop::now() const {
  return {.options = options_,
          .state = state_,
          .seconds = seconds_before_ + hooks_.elapsed_s(),
          .validates = hooks_.validate != nullptr};
}

/// Untrained weights are no result.
void TrainLoop::require_time() const {
  if (state_.step > 0 || !out_of_time(now())) {
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
  if (is_restored_ && validation_is_due(now())) {
    validate();  // it was interrupted
    if (checkpoint_is_due()) {
      checkpoint();  // as if it had not been
    }
  }
  bool is_last = is_finished(now());
  while (!is_last) {
    context.check_stop(fmt::format("stopped after {} steps; go on with --resume", state_.step));
    train_step();
    is_last = ends_after_step();
    if (is_last || state_.step % options_.log_every == 0) {
      log_step();
    }
    context.progress->update(progress_done(), progress_note_);
    // of the last step before its checkpoint: else a kill after that checkpoint repeats it
    if (validation_is_due(now()) || (is_last && is_unvalidated(now()))) {
      validate();
    }
    if (checkpoint_is_due()) {
      checkpoint();
    }
    is_last = is_last || ends_after_step();
  }
  log_step();  // where it was the validation that took the last of the time, or of the patience
  if (is_unvalidated(now())) {
    validate();
  }
  if (hooks_.validate && !state_.best_score) {  // no score was defined
    hooks_.keep_model(state_);
  }
}

/// is_finished(), with a note in the state where time ends the run: its last validation may take
/// less than was kept free for it, and resumed, the run would find time for another step.
bool TrainLoop::ends_after_step() {
  const bool ends = is_finished(now());
  if (ends && out_of_time(now()) && state_.ended_by_seconds < options_.max_seconds) {
    state_.ended_by_seconds = options_.max_seconds;
    unsaved_ = true;
  }
  return ends;
}

bool TrainLoop::checkpoint_is_due() const {
  const bool by_steps =
      options_.checkpoint_every > 0 && state_.step % options_.checkpoint_every == 0;
  const bool by_time = options_.checkpoint_seconds > 0 &&
                       hooks_.elapsed_s() - saved_at_s_ >= options_.checkpoint_seconds;
  return by_steps || by_time;
}

void TrainLoop::train_step() {
  const double start_s = hooks_.elapsed_s();
  const bool has_horizon = options_.horizon > 0;
  learning_rate_ =
      options_.learning_rate *
      rate_factor(options_.schedule, {.step = state_.step,
                                      .steps = has_horizon ? options_.horizon : options_.steps,
                                      .time_share = has_horizon ? 0 : time_share(now())});
  const data::RawBatch raw = hooks_.next_batch();
  // Dropout depends on (seed, rank, step) alone, so a resumed run repeats it.
  at::manual_seed(
      core::mix({options_.seed, kDropoutStream + static_cast<std::uint64_t>(options_.rank),
                 static_cast<std::uint64_t>(state_.step)}));
  const std::vector<Part> parts = gradients_->compute(raw);
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

/// The present figures; throws where they say that the training has gone wrong.
Json TrainLoop::sound_values(bool before_keeping) const {
  Json values = meters_.value();
  require_finite_loss(values, state_.step);
  if (hooks_.inspect) {
    const Json last = meters_.last();
    hooks_.inspect({.state = state_, .last = last, .before_keeping = before_keeping});
  }
  return values;
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
  require_finite_weights(task_.network(), average_, state_.step);
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
  require_finite_weights(task_.network(), average_, state_.step);
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
  if (options_.keep == Keep::best_and_last) {
    discard_other_checkpoints(hooks_.checkpoints, {state_.best_step, state_.step});
  }
}

}  // namespace retina::trainer
