#include "retina/trainer/train_loop.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <ATen/Context.h>
#include <fmt/format.h>

#include "retina/core/rng.h"
#include "retina/net/weights.h"

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
  net::load_state_dict(task_.network(), checkpoint.weights, source);
  optimizer_.load_state(checkpoint.optimizer, source);
  meters_.load_state(checkpoint.meters);
  task_.load_state(checkpoint.task, source);
  if (average_ != nullptr) {
    average_->load_state(checkpoint.average, source);
  }
  core::from_json_value(state_, checkpoint.progress, source);
  seconds_before_ = state_.seconds - hooks_.elapsed_s();
  checkpointed_step_ = state_.step;
}

LoopState TrainLoop::run(const core::Context& context) {
  task_.network().train();
  const bool by_time = options_.steps == 0;
  context.progress->begin("training", by_time ? std::llround(options_.max_seconds) : options_.steps,
                          by_time ? "seconds" : "steps");
  while (!finished()) {
    stop_if_asked(context);
    train_step(context);
    if (validation_is_due()) {
      validate();
    }
    if (options_.checkpoint_every > 0 && state_.step % options_.checkpoint_every == 0) {
      checkpoint();
    }
  }
  if (hooks_.validate && state_.validated_step != state_.step) {
    validate();
  }
  if (!state_.best_score) {
    hooks_.keep_model(state_);
  }
  checkpoint();
  context.progress->end();
  return state_;
}

bool TrainLoop::finished() const {
  const bool all_steps = options_.steps > 0 && state_.step >= options_.steps;
  const bool out_of_time = options_.max_seconds > 0 && time_share() >= 1;
  const bool out_of_patience = options_.patience > 0 && state_.stale >= options_.patience;
  return all_steps || out_of_time || out_of_patience;
}

/// Elapsed share of the time for training steps: the limit less what must follow the last one.
double TrainLoop::time_share() const {
  if (options_.max_seconds <= 0) {
    return 0;
  }
  double reserve = kClosingReserve * options_.max_seconds;
  if (hooks_.validate) {
    reserve += state_.validation_seconds > 0 ? 1.1 * state_.validation_seconds
                                             : kUnmeasuredReserve * options_.max_seconds;
  }
  const double available = std::max(options_.max_seconds - reserve, 0.5 * options_.max_seconds);
  return (seconds_before_ + hooks_.elapsed_s()) / available;
}

double TrainLoop::share_done() const {
  const double by_steps =
      options_.steps > 0 ? static_cast<double>(state_.step) / static_cast<double>(options_.steps)
                         : 0;
  return std::max(by_steps, time_share());
}

bool TrainLoop::validation_is_due() const {
  if (!hooks_.validate || state_.validated_step == state_.step) {
    return false;
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

void TrainLoop::train_step(const core::Context& context) {
  learning_rate_ =
      options_.learning_rate *
      rate_factor(options_.schedule,
                  {.step = state_.step, .steps = options_.steps, .time_share = time_share()});
  const data::RawBatch raw = hooks_.next_batch();
  // Dropout depends on (seed, step) alone, so a resumed run repeats it.
  at::manual_seed(
      core::mix({options_.seed, kDropoutStream, static_cast<std::uint64_t>(state_.step)}));
  const TaskOutput output = task_.step(raw);
  output.loss.backward();
  optimizer_.step(learning_rate_);
  if (average_ != nullptr) {
    average_->update();
  }
  meters_.add(output.parts);
  ++state_.step;
  state_.seconds = seconds_before_ + hooks_.elapsed_s();
  if (state_.step % options_.log_every == 0 || state_.step == options_.steps) {
    log_step(context);
  } else {
    context.progress->update(options_.steps == 0 ? std::llround(state_.seconds) : state_.step);
  }
}

void TrainLoop::log_step(const core::Context& context) {
  Json values = meters_.value();
  const double loss = values.value("loss", 0.0);
  if (!std::isfinite(loss)) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = fmt::format("training, step {}", state_.step),
                        .found = "a loss that is not a number",
                        .expected = "a finite loss",
                        .remedy = "lower optimizer.learning_rate or use --precision fp32"});
  }
  values["learning_rate"] = learning_rate_;
  hooks_.log(state_, values);
  context.progress->update(options_.steps == 0 ? std::llround(state_.seconds) : state_.step,
                           fmt::format("loss {:.3f}", loss));
}

void TrainLoop::validate() {
  const double start = hooks_.elapsed_s();
  const std::optional<double> score = hooks_.validate(state_);
  task_.network().train();
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

void TrainLoop::checkpoint() {
  namespace fs = std::filesystem;
  if (checkpointed_step_ == state_.step) {
    return;
  }
  Checkpoint checkpoint{.progress = core::options_to_json(state_),
                        .weights = net::state_dict(task_.network()),
                        .average = average_ != nullptr ? average_->state() : tensor::NamedTensors{},
                        .optimizer = optimizer_.state(),
                        .meters = meters_.state(),
                        .task = task_.state()};
  save_checkpoint(checkpoint_folder(hooks_.checkpoints, state_.step), checkpoint);
  checkpointed_step_ = state_.step;
  if (options_.keep == Keep::all) {
    return;
  }
  for (const std::int64_t step : checkpoint_steps(hooks_.checkpoints)) {
    if (step != state_.step && step != state_.best_step) {
      fs::remove_all(checkpoint_folder(hooks_.checkpoints, step));
    }
  }
}

void TrainLoop::stop_if_asked(const core::Context& context) {
  if (context.stop.stop_requested()) {
    if (state_.step > 0) {
      checkpoint();
    }
    context.check_stop(fmt::format("stopped after {} steps; go on with --resume", state_.step));
  }
}

}  // namespace retina::trainer
