#include "retina/trainer/train_loop.h"

#include <limits>
#include <stop_token>

#include <gtest/gtest.h>

#include "retina/testing/temp_folder.h"
#include "retina/trainer/supervised_task.h"
#include "retina/trainer/toy_network.h"

namespace retina::trainer {
namespace {

/// A run on toy batches with everything that a checkpoint must restore.
struct ToyRun {
  explicit ToyRun(const std::filesystem::path& checkpoints, LoopOptions options)
      : network(make_toy_network(7)),
        average(make_toy_network(8), *network, 0.9),
        task(network, toy_transform, {}, Arithmetic::fp32),
        optimizer(*network, {.kind = OptimizerKind::adamw}) {
    options.learning_rate = 0.01;
    hooks.checkpoints = checkpoints;
    hooks.next_batch = [this] {
      if (position == stop_at) {
        stop.request_stop();
      }
      return toy_batch(position++);
    };
    hooks.elapsed_s = [this] { return static_cast<double>(position) * seconds_per_step; };
    hooks.keep_model = [this](const LoopState& state) { kept.push_back(state.step); };
    hooks.log = [this](const LoopState& state, const Json& values) {
      logged.emplace_back(state.step, values);
    };
    loop_options = std::move(options);
  }

  LoopState run() {
    TrainLoop loop(task, optimizer, &average, loop_options, hooks);
    const auto steps = checkpoint_steps(hooks.checkpoints);
    if (!steps.empty()) {
      loop.restore(load_checkpoint(checkpoint_folder(hooks.checkpoints, steps.back())), "toy");
      position = steps.back();
    }
    core::Context context = core::silent_context();
    context.stop = stop.get_token();
    return loop.run(context);
  }

  std::shared_ptr<ToyNetwork> network;
  WeightAverage average;
  SupervisedTask task;
  Optimizer optimizer;
  LoopOptions loop_options;
  LoopHooks hooks;
  std::stop_source stop;
  std::int64_t position = 0;
  std::int64_t stop_at = -1;
  double seconds_per_step = 0;
  std::vector<std::int64_t> kept;
  std::vector<std::pair<std::int64_t, Json>> logged;
};

TEST(TrainLoop, ResumedRunEqualsUninterruptedOneBitForBit) {
  const testing::TempFolder whole_folder;
  const testing::TempFolder broken_folder;
  const LoopOptions options{.steps = 40, .log_every = 5, .seed = 3};
  ToyRun whole(whole_folder.path(), options);
  whole.run();
  {
    ToyRun first(broken_folder.path(), options);
    first.stop_at = 19;
    try {
      first.run();
      FAIL() << "not interrupted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    }
  }
  ToyRun second(broken_folder.path(), options);
  EXPECT_EQ(second.run().step, 40);

  EXPECT_EQ(second.position, 40);
  EXPECT_TRUE(same_state(*whole.network, *second.network));
  EXPECT_TRUE(same_state(*whole.average.network(), *second.average.network()));
  EXPECT_EQ(whole.logged.back().second, second.logged.back().second);
}

TEST(TrainLoop, ExtendingARunGoesOnFromItsEnd) {
  const testing::TempFolder folder;
  ToyRun(folder.path(), {.steps = 10}).run();
  ToyRun longer(folder.path(), {.steps = 15});
  EXPECT_EQ(longer.run().step, 15);
  EXPECT_EQ(longer.logged.size(), 1U);
}

TEST(TrainLoop, KeepsTheBestAndTheLastCheckpoint) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.steps = 40, .validate_every = 10, .checkpoint_every = 5});
  run.hooks.validate = [](const LoopState& state) { return state.step == 20 ? 0.9 : 0.5; };
  const LoopState state = run.run();
  EXPECT_EQ(state.best_step, 20);
  EXPECT_EQ(run.kept, (std::vector<std::int64_t>{10, 20}));
  EXPECT_EQ(checkpoint_steps(folder.path()), (std::vector<std::int64_t>{20, 40}));
}

TEST(TrainLoop, PatienceStopsARunThatNoLongerImproves) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.steps = 100, .validate_every = 5, .patience = 3});
  run.hooks.validate = [](const LoopState& state) {
    return state.step <= 10 ? static_cast<double>(state.step) : 1.0;
  };
  EXPECT_EQ(run.run().step, 25);
}

TEST(TrainLoop, WithoutValidationTheLastWeightsAreKept) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.steps = 7});
  run.run();
  EXPECT_EQ(run.kept, (std::vector<std::int64_t>{7}));
}

TEST(TrainLoop, TimeLimitCoversTheLastValidation) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.max_seconds = 200});
  run.seconds_per_step = 1;
  double validation_s = 0;
  int validations = 0;
  run.hooks.elapsed_s = [&] { return static_cast<double>(run.position) + validation_s; };
  run.hooks.validate = [&](const LoopState&) {
    ++validations;
    validation_s += 8;
    return static_cast<double>(validations);
  };
  const LoopState state = run.run();
  EXPECT_EQ(validations, 3);
  EXPECT_LE(state.seconds, 200);
  EXPECT_GE(state.seconds, 190);
}

TEST(TrainLoop, RateFallsWithElapsedTime) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.max_seconds = 50, .log_every = 1});
  run.seconds_per_step = 1;
  run.run();
  EXPECT_NEAR(run.logged.front().second["learning_rate"].get<double>(), 0.01, 1e-12);
  EXPECT_LT(run.logged.back().second["learning_rate"].get<double>(), 0.001);
}

TEST(TrainLoop, ALossThatIsNotANumberIsAnError) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.steps = 10, .log_every = 1});
  const at::NoGradGuard no_grad;
  run.network->parameters()[0].fill_(std::numeric_limits<float>::infinity());
  at::AutoGradMode with_gradients(true);
  EXPECT_THROW(run.run(), Error);
}

}  // namespace
}  // namespace retina::trainer
