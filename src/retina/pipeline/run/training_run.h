#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "retina/core/clock.h"
#include "retina/core/json.h"
#include "retina/core/lock.h"
#include "retina/core/progress.h"
#include "retina/data/loader.h"
#include "retina/net/network.h"
#include "retina/pipeline/run/rank_identity.h"
#include "retina/pipeline/run/restored_checkpoint.h"
#include "retina/pipeline/run/run_folder.h"
#include "retina/pipeline/run/throughput.h"
#include "retina/pipeline/run/training_hooks.h"
#include "retina/pipeline/run/training_options.h"
#include "retina/report/metrics_log.h"
#include "retina/trainer/gradient_exchange.h"
#include "retina/trainer/rank_place.h"
#include "retina/trainer/ranks.h"
#include "retina/trainer/supervised_task.h"
#include "retina/trainer/train_loop.h"

namespace retina::pipeline {

struct TrainingOutcome {
  trainer::LoopState state;
  double device_busy =
      0;  ///< of a GPU: share of the time it had work; of a CPU: 1 - waiting for data
  Json figures = Json::object();  ///< of the last line of the log in this process
  std::string ending{};           ///< what ended the run, in words
};

/// What all training verbs share: the run folder with its log and metrics, device and arithmetic,
/// network, optimiser, mean of the weights, reading ahead, checkpoints, resuming, and other
/// processes that train with this one: each takes its share of every batch, rank 0 alone validates
/// and writes.
///
///     TrainingRun run(options, context);      // the run's folder lies aside
///     ... open data, make the network ...
///     run.begin(options_to_json(options), {.training = &dataset}, network, optimizer);
///     const TrainingOutcome outcome = run.train(task, dataset, choose_box, hooks);
///     if (run.leads()) { ... report ... }
class TrainingRun {
 public:
  /// `place`: of this process among those that train together.
  TrainingRun(
      const TrainingOptions& options, const core::Context& context,
      const trainer::RankPlace& place = trainer::rank_place(trainer::process_environment()));

  /// Of ranks other than 0: warnings alone.
  const core::Context& context() const { return context_; }
  /// False for a process whose results are those of another one.
  bool leads() const { return ranks_.leads(); }
  /// Of the last line of the log; empty before the first.
  const Json& figures() const { return figures_; }
  /// The same, of an earlier part of the run where this process has logged nothing.
  Json last_figures() const;
  std::int64_t rank() const { return ranks_.rank(); }
  /// Rank 0's answer, on all ranks.
  bool told_by_leader(bool answer) { return ranks_.sum({leads() && answer ? 1.0 : 0.0})[0] > 0; }
  const RunFolder& folder() const { return folder_; }
  at::Device device() const { return device_; }
  at::ScalarType dtype() const { return tensor::choose_type(precision_, device_); }
  trainer::Arithmetic arithmetic() const;
  std::string precision() const;    ///< "fp32", "tf32" or "bf16": what "auto" means on this device
  std::string device_text() const;  ///< "cpu, fp32, 2 ranks"
  /// True for a resumed run whose weights come from a checkpoint.
  bool has_checkpoint() const { return checkpoint_step() > 0; }
  /// Of the newest checkpoint of a resumed run; 0 without one.
  std::int64_t checkpoint_step() const;

  /// A network with the weights that the run's seed draws, on the CPU.
  std::shared_ptr<net::DenseNetwork> make_network(const Json& options) const;

  /// Options and data are good, and the same on all ranks: writes the configuration, gives the run
  /// its name, and takes the network, which moves to the device. Freezes what the optimiser's
  /// options name.
  void begin(Json config, const RunData& data, std::shared_ptr<net::DenseNetwork> network,
             const trainer::OptimizerOptions& optimizer);

  /// Trains to the end, from the newest checkpoint of a resumed run. `loader.batch`, `seed`,
  /// `shuffle`, `threads` and `start` are those of the run.
  TrainingOutcome train(trainer::Task& task, std::shared_ptr<const data::Dataset> dataset,
                        data::ChooseBox choose_box, const TrainingHooks& hooks,
                        data::LoaderOptions loader = {});

  /// What is validated and kept: the mean of the weights, where there is one.
  net::DenseNetwork& kept_network() const;
  /// Seconds of the run so far, its earlier parts included.
  double seconds() const { return earlier_s_ + watch_.seconds(); }

 private:
  trainer::LoopHooks loop_hooks(const TrainingHooks& hooks);
  std::optional<double> validate(const TrainingHooks& hooks, const trainer::LoopState& state);
  void agree();
  void establish();
  trainer::LoopState run_loop(trainer::TrainLoop& loop);
  std::int64_t restore(trainer::TrainLoop& loop);
  void go_on_from(const std::optional<RestoredCheckpoint>& restored);
  double seconds_left(std::int64_t step, double seconds_a_step) const;
  void add_rates(const trainer::LoopState& state, Json& values);

  TrainingOptions options_;
  core::Stopwatch watch_;
  double earlier_s_ = 0;  ///< of the parts before a resume
  trainer::Ranks ranks_;
  double agreed_s_ = 0;           ///< rank 0's clock, as all ranks know it
  std::stop_source agreed_stop_;  ///< some rank was asked to stop
  std::optional<core::OutputLock> lock_;
  RunFolder folder_;
  core::Context context_;
  at::Device device_;
  tensor::Precision precision_;
  std::shared_ptr<net::DenseNetwork> network_;
  std::unique_ptr<trainer::WeightAverage> average_;
  std::unique_ptr<trainer::Optimizer> optimizer_;
  std::unique_ptr<trainer::GradientExchange> exchange_;  ///< null for one process alone
  std::unique_ptr<report::MetricsLog> metrics_;
  std::unique_ptr<data::Loader> loader_;
  std::unique_ptr<ThroughputMeter> throughput_;
  bool stepped_ = false;  ///< a first batch was asked for
  Json figures_ = Json::object();
};

}  // namespace retina::pipeline
