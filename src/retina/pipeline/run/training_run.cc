#include "retina/pipeline/run/training_run.h"

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/resource_limits.h"
#include "retina/core/rng.h"
#include "retina/pipeline/run/run_config.h"
#include "retina/pipeline/run/training_batches.h"
#include "retina/pipeline/run/training_plan.h"

namespace retina::pipeline {
namespace {

/// Ends the process: its main thread waits for a rank that will never answer. What is written has
/// its final name only when it is whole.
trainer::Ranks::Lost end_process(const core::Context& context) {
  return [log = context.log](const std::string& message) {
    log->error("{}; the last checkpoint is whole: go on with --resume", message);
    log->flush();
    std::_Exit(exit_code(ErrorKind::resource));
  };
}

/// Ranks other than 0 speak up only where something is wrong.
core::Context follower_context(const core::Context& context) {
  core::Context out = core::with_warnings_alone(context);
  out.progress = core::silent_context().progress;
  return out;
}

}  // namespace

TrainingRun::TrainingRun(const TrainingOptions& options, const core::Context& context,
                         const trainer::RankPlace& place)
    : options_(options),
      ranks_(place, end_process(context)),
      lock_(leads() ? std::make_optional<core::OutputLock>(options.output) : std::nullopt),
      folder_(options.output, leads() ? start_of(options) : RunStart::follow),
      context_(leads() ? folder_.with_log_file(context) : follower_context(context)),
      device_(tensor::choose_device(options.device, ranks_.local_rank())),
      precision_(tensor::choose_precision(options.precision, device_)) {
  require_shared_batch(options_, ranks_.count());
  const std::vector<std::string> core_lists = ranks_.gather(core::core_list());  // of all ranks
  if (options_.threads == 0 && !ranks_.alone()) {
    options_.threads = core::core_share(core_lists);
  }
  ranks_.use(device_);
  tensor::set_threads(options_.threads);
  tensor::use_precision(precision_, device_);
  tensor::tune_convolutions();
  tensor::keep_freed_memory();
}

trainer::Arithmetic TrainingRun::arithmetic() const {
  return precision_ == tensor::Precision::bf16 ? trainer::Arithmetic::bf16
                                               : trainer::Arithmetic::fp32;
}

std::string TrainingRun::precision() const {
  return core::enum_name(precision_);
}

std::string TrainingRun::device_text() const {
  const std::string text = fmt::format("{}, {}", device_.str(), precision());
  return ranks_.alone() ? text : fmt::format("{}, {} ranks", text, ranks_.count());
}

std::shared_ptr<net::DenseNetwork> TrainingRun::make_network(const Json& options) const {
  at::manual_seed(core::mix({options_.seed, 0}));
  return net::make_network("transunet", options);
}

std::int64_t TrainingRun::checkpoint_step() const {
  const auto steps = options_.resume ? trainer::checkpoint_steps(folder_.checkpoints())
                                     : std::vector<std::int64_t>{};
  return steps.empty() ? 0 : steps.back();
}

Json TrainingRun::last_figures() const {
  return figures_.empty() && leads() ? last_logged(folder_.path(), checkpoint_step()) : figures_;
}

void TrainingRun::begin(Json config, const RunData& data,
                        std::shared_ptr<net::DenseNetwork> network,
                        const trainer::OptimizerOptions& optimizer) {
  if (!ranks_.alone()) {
    require_same_identity(ranks_, rank_identity(config, data));
  }
  network_ = std::move(network);
  network_->to(device_);
  if (options_.average_decay > 0 && leads()) {
    auto average = net::make_network("transunet", config.at("network"));
    average->to(device_);
    average_ = std::make_unique<trainer::WeightAverage>(std::move(average), *network_,
                                                        options_.average_decay);
  }
  optimizer_ = std::make_unique<trainer::Optimizer>(*network_, optimizer);
  if (leads()) {
    require_same_data(folder_.path(), data.digest, has_checkpoint());
    config["overwrite"] = false;
    folder_.write_config(run_config(std::move(config)));
    folder_.place();
  }
}

net::DenseNetwork& TrainingRun::kept_network() const {
  return average_ ? *average_->network() : *network_;
}

trainer::LoopHooks TrainingRun::loop_hooks(const TrainingHooks& hooks) {
  trainer::LoopHooks out;
  out.exchange = exchange_.get();
  out.next_batch = [this] {
    if (stepped_) {  // the step before has worked
      establish();
    }
    stepped_ = true;
    agree();
    return loader_->next();
  };
  out.elapsed_s = [this] { return ranks_.alone() ? watch_.seconds() : agreed_s_; };
  out.inspect = hooks.inspect;
  if (hooks.validate) {
    out.validate = [this, hooks](const trainer::LoopState& state) {
      return validate(hooks, state);
    };
  }
  if (!leads()) {
    out.keep_model = [](const trainer::LoopState&) {};
    out.log = [](const trainer::LoopState&, const Json&) {};
    return out;
  }
  out.checkpoints = folder_.checkpoints();
  out.keep_model = hooks.keep_model;
  out.log = [this, add = hooks.log](const trainer::LoopState& state, Json values) {
    add_rates(state, values);
    if (add) {
      add(state, values);
    }
    metrics_->write(state.step, state.seconds, values);
    figures_ = std::move(values);
  };
  return out;
}

/// Of rank 0, which the others wait for.
std::optional<double> TrainingRun::validate(const TrainingHooks& hooks,
                                            const trainer::LoopState& state) {
  Validation found;
  try {
    if (leads()) {
      found = hooks.validate(state);
      metrics_->write(state.step, state.seconds, found.values);
    }
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) {
      ranks_.sum({1, 0, 0, 0});
    }
    throw;
  }
  const std::vector<double> told = ranks_.sum(
      {0, found.score ? 1.0 : 0.0, found.score.value_or(0), leads() ? watch_.seconds() : 0});
  if (told[0] > 0) {
    throw Error(ErrorKind::interrupted, "rank 0 was stopped; go on with --resume");
  }
  agreed_s_ = told[3];
  return told[1] > 0 ? std::optional(told[2]) : std::nullopt;
}

/// One clock and one wish to stop for all ranks, so that they take the same decisions.
void TrainingRun::agree() {
  if (ranks_.alone()) {
    return;
  }
  const std::vector<double> told =
      ranks_.sum({context_.stop.stop_requested() ? 1.0 : 0.0, leads() ? watch_.seconds() : 0.0});
  if (told[0] > 0) {
    agreed_stop_.request_stop();
  }
  agreed_s_ = told[1];
}

void TrainingRun::establish() {
  if (leads()) {
    folder_.establish();
  }
}

/// Until the steps are done or the time is up, whichever comes first.
double TrainingRun::seconds_left(std::int64_t step, double seconds_a_step) const {
  double left = std::numeric_limits<double>::infinity();
  if (options_.steps > 0) {
    left = static_cast<double>(options_.steps - step) * seconds_a_step;
  }
  if (options_.max_seconds > 0) {
    left = std::min(left, std::max(0.0, options_.max_seconds - seconds()));
  }
  return left;
}

/// How fast it goes since the last line of the log, and how long it will take.
void TrainingRun::add_rates(const trainer::LoopState& state, Json& values) {
  const Throughput since = throughput_->since_last(state.step);
  values["images_per_second"] = since.steps * static_cast<double>(options_.batch) / since.seconds;
  values["device_busy"] = since.device_busy;
  values["seconds_left"] = seconds_left(state.step, since.seconds / std::max(since.steps, 1.0));
}

/// Restores the newest checkpoint of a resumed run that rank 0 can read; the step it is at. All
/// ranks end with rank 0's weights.
std::int64_t TrainingRun::restore(trainer::TrainLoop& loop) {
  agree();
  std::optional<RestoredCheckpoint> restored;
  if (leads() && options_.resume) {
    restored = restore_newest(folder_, loop, *context_.log);
  }
  go_on_from(restored);
  const auto step = static_cast<std::int64_t>(
      ranks_.sum({restored ? static_cast<double>(restored->step) : 0.0})[0]);
  if (!leads() && step > 0) {
    go_on_from(restore_checkpoint(folder_, step, loop, *context_.log));
  }
  ranks_.broadcast(network_->parameters());
  ranks_.broadcast(network_->buffers());
  return step;
}

void TrainingRun::go_on_from(const std::optional<RestoredCheckpoint>& restored) {
  if (restored) {
    earlier_s_ = restored->seconds - watch_.seconds();
  }
}

TrainingOutcome TrainingRun::train(trainer::Task& task,
                                   std::shared_ptr<const data::Dataset> dataset,
                                   data::ChooseBox choose_box, const TrainingHooks& hooks,
                                   data::LoaderOptions loader) {
  options_.steps = hooks.steps > 0 ? hooks.steps : options_.steps;
  options_.max_seconds = hooks.max_seconds > 0 ? hooks.max_seconds : options_.max_seconds;
  const std::string changed = changed_groups(options_.batch, ranks_.count(), hooks.ghost_batch);
  if (leads() && !changed.empty()) {
    context_.log->warn("{}", changed);
  }
  if (!ranks_.alone()) {
    exchange_ = std::make_unique<trainer::GradientExchange>(
        ranks_, *network_, trainer::ExchangeOptions{.statistics = hooks.statistics});
  }
  trainer::TrainLoop loop(task, *optimizer_, average_.get(),
                          loop_options(options_, hooks, ranks_.rank()), loop_hooks(hooks));
  const std::int64_t start = restore(loop);
  if (leads()) {
    metrics_ = std::make_unique<report::MetricsLog>(folder_.path(), options_.resume ? start : -1);
  }
  loader.start = start;
  loader_ = std::make_unique<data::Loader>(
      std::move(dataset), share_of_batch(loader, options_, ranks_), std::move(choose_box));
  context_.log->info("training on {}", device_text());
  throughput_ = std::make_unique<ThroughputMeter>(watch_, *loader_, device_, start);
  TrainingOutcome outcome{.state = run_loop(loop)};
  outcome.device_busy = throughput_->device_busy();
  outcome.figures = last_figures();
  outcome.ending = loop.ending();
  establish();
  return outcome;
}

/// To its end, or to that of a run that was interrupted: all ranks leave together.
trainer::LoopState TrainingRun::run_loop(trainer::TrainLoop& loop) {
  core::Context context = context_;
  if (!ranks_.alone()) {
    context.stop = agreed_stop_.get_token();
  }
  try {
    trainer::LoopState state = loop.run(context);
    ranks_.leave();
    return state;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) {
      folder_.keep();
      ranks_.sum({0});  // launchers kill the others when the first has gone: rank 0 must have saved
      ranks_.leave();
    }
    throw;
  }
}

}  // namespace retina::pipeline
