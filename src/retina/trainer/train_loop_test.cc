#include "retina/trainer/train_loop.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stop_token>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/testing/heard.h"
#include "retina/testing/note_list.h"
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
        task(network, toy_transform, {}),
        optimizer(*network, {.kind = OptimizerKind::adamw}) {
    options.learning_rate = 0.01;
    hooks.checkpoints = checkpoints;
    hooks.next_batch = [this] {
      if (position == stop_at) {
        stop.request_stop();
      }
      return toy_batch(position++);
    };
    hooks.elapsed_s = [this] {
      return static_cast<double>(position - begun_at) * seconds_per_step;
    };
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
      position = begun_at = steps.back();
    }
    context.stop = stop.get_token();
    return loop.run(context);
  }

  std::shared_ptr<ToyNetwork> network;
  WeightAverage average;
  SupervisedTask task;
  Optimizer optimizer;
  LoopOptions loop_options;
  LoopHooks hooks;
  core::Context context = core::silent_context();
  std::stop_source stop;
  std::int64_t position = 0;
  std::int64_t begun_at = 0;  ///< position, in this process
  std::int64_t stop_at = -1;
  double seconds_per_step = 0;
  std::vector<std::int64_t> kept;
  std::vector<std::pair<std::int64_t, Json>> logged;
};

std::vector<std::int64_t> steps_of(const std::vector<std::pair<std::int64_t, Json>>& logged) {
  std::vector<std::int64_t> steps;
  for (const auto& [step, values] : logged) {
    steps.push_back(step);
  }
  return steps;
}

TEST(TrainLoop, WeightsThatAreNotNumbersReplaceNoCheckpoint) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.steps = 20, .checkpoint_every = 5, .log_every = 10});
  run.hooks.log = [&](const LoopState&, const Json&) {  // what the step itself might have done
    const at::NoGradGuard no_grad;
    run.network->parameters()[0].fill_(std::numeric_limits<float>::infinity());
  };
  try {
    run.run();
    FAIL() << "not noticed";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_NE(std::string(error.what()).find("not a number (encoder.weight)"), std::string::npos)
        << error.what();
  }
  EXPECT_EQ(checkpoint_steps(folder.path()), std::vector<std::int64_t>{5});
  EXPECT_EQ(run.kept, std::vector<std::int64_t>{5});
}

TEST(TrainLoop, AnInterruptedValidationIsRepeatedByTheResumedRun) {
  const testing::TempFolder folder;
  const LoopOptions options{.steps = 8, .validate_every = 4};
  {
    ToyRun run(folder.path(), options);
    run.hooks.validate = [](const LoopState&) -> std::optional<double> {
      throw Error(ErrorKind::interrupted, "stopped");
    };
    EXPECT_THROW(run.run(), Error);
  }
  EXPECT_EQ(checkpoint_steps(folder.path()), std::vector<std::int64_t>{4});
  ToyRun again(folder.path(), options);
  std::vector<std::int64_t> validated;
  again.hooks.validate = [&](const LoopState& state) {
    validated.push_back(state.step);
    return std::optional(0.5);
  };
  again.run();
  EXPECT_EQ(validated, (std::vector<std::int64_t>{4, 8}));
}

TEST(TrainLoop, ValidatesAtTheNamedStepsAndAtTheEnd) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.steps = 8, .validate_at = {2, 3}});
  std::vector<std::int64_t> validated;
  run.hooks.validate = [&](const LoopState& state) {
    validated.push_back(state.step);
    return std::optional<double>();
  };
  run.run();
  EXPECT_EQ(validated, (std::vector<std::int64_t>{2, 3, 8}));
  EXPECT_EQ(run.kept, std::vector<std::int64_t>{8});
}

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

TEST(TrainLoop, TheClosingValidationIsInTheLastCheckpoint) {
  const testing::TempFolder folder;
  // steps 4, 8 and 10 are validated; a checkpoint of step 10 is due before its validation
  ToyRun run(folder.path(), {.steps = 10, .checkpoint_every = 5});
  run.hooks.validate = [](const LoopState& state) { return static_cast<double>(state.step); };
  run.run();
  ToyRun longer(folder.path(), {.steps = 15, .checkpoint_every = 5});
  longer.hooks.validate = [](const LoopState&) { return 9.0; };
  const LoopState state = longer.run();
  EXPECT_EQ(state.best_step, 10);
  EXPECT_EQ(state.best_score, 10.0);
  EXPECT_TRUE(longer.kept.empty()) << "a worse model replaced the best one";
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

TEST(TrainLoop, TellsWhatEndedTheRun) {
  const testing::TempFolder folder;
  const testing::Heard heard;
  const auto ending_of = [&](const char* name, const LoopOptions& options) {
    ToyRun run(folder / name, options);
    run.seconds_per_step = 1;
    run.hooks.validate = [](const LoopState& state) { return state.step == 5 ? 0.9 : 0.5; };
    TrainLoop loop(run.task, run.optimizer, &run.average, run.loop_options, run.hooks);
    loop.run(heard.context);
    return loop.ending();
  };
  EXPECT_EQ(ending_of("steps", {.steps = 4, .validate_every = 2}), "all steps done");
  EXPECT_EQ(ending_of("time", {.max_seconds = 10, .validate_every = 4}), "time ended");
  EXPECT_EQ(heard.text().find("stopped after"), std::string::npos) << heard.text();
  EXPECT_EQ(ending_of("patience", {.steps = 100, .validate_every = 5, .patience = 2}),
            "stopped by patience: no better validation in 2 in a row; the best was step 5");
  EXPECT_THAT(heard.text(),
              ::testing::HasSubstr("stopped after step 15: no better validation in 2 in a row; the "
                                   "best was step 5"));
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

TEST(TrainLoop, AStepThatDoesNotFitIntoTheTimeIsNotBegun) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.max_seconds = 12});
  run.seconds_per_step = 5;
  EXPECT_EQ(run.run().seconds, 10);
}

TEST(TrainLoop, ATimeLimitTooShortForOneStepIsAnError) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.max_seconds = 2});
  run.hooks.elapsed_s = [] { return 3.0; };  // checking the data took longer
  try {
    run.run();
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("max_seconds: 2 s"));
  }
  EXPECT_TRUE(run.kept.empty());
  EXPECT_TRUE(checkpoint_steps(folder.path()).empty());
}

TEST(TrainLoop, AFinishedTimedRunTakesNoFurtherStepWhenItIsResumed) {
  const testing::TempFolder folder;
  // one validation, which takes less than the share of the time that was kept free for it
  const LoopOptions options{.max_seconds = 100, .validate_at = {1000}};
  ToyRun run(folder.path(), options);
  double validation_s = 0;
  run.hooks.elapsed_s = [&] { return static_cast<double>(run.position) + validation_s; };
  run.hooks.validate = [&](const LoopState&) {
    validation_s += 0.5;
    return std::optional(0.5);
  };
  const LoopState finished = run.run();
  EXPECT_LT(finished.seconds, 97);
  ToyRun again(folder.path(), options);
  again.seconds_per_step = 1;
  again.hooks.validate = run.hooks.validate;
  EXPECT_EQ(again.run().step, finished.step);
  EXPECT_EQ(again.position, finished.step) << "a batch was taken";
  ToyRun longer(folder.path(), {.max_seconds = 110, .validate_at = {1000}});
  longer.seconds_per_step = 1;
  longer.hooks.validate = run.hooks.validate;
  EXPECT_GT(longer.run().step, finished.step);
}

TEST(TrainLoop, AResumedRunKnowsHowLongAStepTakes) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.max_seconds = 100});
  run.seconds_per_step = 5;
  run.stop_at = 1;
  EXPECT_THROW(run.run(), Error);
  ToyRun again(folder.path(), {.max_seconds = 12});
  again.seconds_per_step = 5;
  EXPECT_EQ(again.run().step, 2) << "the third would end after 15 s";
}

TEST(TrainLoop, TheLastStepIsLoggedOnceWhateverEndsTheRun) {
  const testing::TempFolder folder;
  ToyRun by_time(folder / "by_time", {.max_seconds = 5});
  by_time.seconds_per_step = 1;
  EXPECT_EQ(by_time.run().step, 4);
  EXPECT_EQ(steps_of(by_time.logged), std::vector<std::int64_t>{4});
  EXPECT_GT(by_time.logged.back().second.value("loss", 0.0), 0);

  ToyRun at_a_line(folder / "at_a_line", {.max_seconds = 5, .log_every = 2});
  at_a_line.seconds_per_step = 1;
  at_a_line.run();
  EXPECT_EQ(steps_of(at_a_line.logged), (std::vector<std::int64_t>{2, 4}));

  ToyRun by_patience(folder / "by_patience", {.steps = 20, .validate_every = 3, .patience = 1});
  by_patience.hooks.validate = [](const LoopState&) { return std::optional(0.5); };
  EXPECT_EQ(by_patience.run().step, 6);
  EXPECT_EQ(steps_of(by_patience.logged), std::vector<std::int64_t>{6});
}

TEST(TrainLoop, TheNoteOfATimedRunTellsTheRateSinceTheLineBefore) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.max_seconds = 30, .log_every = 4});
  const auto shown = std::make_shared<testing::NoteList>();
  run.context.progress = shown;
  run.hooks.elapsed_s = [&] {  // two seconds a step, then one
    return static_cast<double>(run.position + std::min<std::int64_t>(run.position, 8));
  };
  ASSERT_GE(run.run().step, 12);
  const std::vector<std::string>& notes = shown->notes;  // of steps 1, 2, ...
  EXPECT_EQ(notes[2], "") << "nothing is known before the first line";
  EXPECT_THAT(notes[3], ::testing::StartsWith("4 steps, 0.5 steps/s, loss "));
  EXPECT_EQ(notes[4], notes[3]);
  EXPECT_THAT(notes[11], ::testing::StartsWith("12 steps, 1 steps/s, loss "));
}

TEST(TrainLoop, RateFallsWithElapsedTime) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.max_seconds = 50, .log_every = 1});
  run.seconds_per_step = 1;
  run.run();
  EXPECT_NEAR(run.logged.front().second["learning_rate"].get<double>(), 0.01, 1e-12);
  EXPECT_LT(run.logged.back().second["learning_rate"].get<double>(), 0.001);
}

TEST(TrainLoop, WhereAHorizonIsGivenTheRateDoesNotFollowTheClock) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.max_seconds = 50, .horizon = 1000, .log_every = 1});
  run.seconds_per_step = 1;
  const LoopState state = run.run();
  ASSERT_GT(state.step, 40);
  EXPECT_NEAR(run.logged.back().second["learning_rate"].get<double>(),
              0.01 * std::pow(1 - static_cast<double>(state.step - 2) / 1000, 0.9), 1e-12);
}

TEST(TrainLoop, ALossThatIsNotANumberIsAnError) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.steps = 10, .log_every = 1});
  const at::NoGradGuard no_grad;
  run.network->parameters()[0].fill_(std::numeric_limits<float>::infinity());
  at::AutoGradMode with_gradients(true);
  EXPECT_THROW(run.run(), Error);
}

TEST(TrainLoop, NothingIsKeptOfATrainingThatWentWrong) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.steps = 30, .checkpoint_every = 5, .log_every = 100});
  run.hooks.inspect = [](const Inspection& look) {
    EXPECT_TRUE(look.last.contains("loss"));
    EXPECT_EQ(look.before_keeping, look.state.step % 5 == 0) << look.state.step;
    if (look.state.step > 12) {
      throw Error(ErrorKind::bad_data, "collapsed");
    }
  };
  EXPECT_THROW(run.run(), Error);
  EXPECT_EQ(checkpoint_steps(folder.path()), (std::vector<std::int64_t>{10}));
  EXPECT_EQ(run.kept, (std::vector<std::int64_t>{5, 10}));
}

TEST(TrainLoop, AnInterruptionStaysOneWhereItsWeightsMayNotBeKept) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.steps = 30, .checkpoint_every = 5, .log_every = 100});
  run.stop_at = 7;
  run.hooks.inspect = [](const Inspection& look) {
    if (look.state.step > 5) {
      throw Error(ErrorKind::bad_data, "collapsed");
    }
  };
  const testing::Heard heard;
  run.context.log = heard.context.log;
  try {
    run.run();
    FAIL() << "not interrupted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted) << error.what();
  }
  EXPECT_THAT(heard.text(), ::testing::HasSubstr("no checkpoint after step 8: collapsed"));
  EXPECT_EQ(checkpoint_steps(folder.path()), std::vector<std::int64_t>{5});
}

TEST(TrainLoop, CheckpointsAreWrittenByTheClockToo) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.steps = 30, .checkpoint_seconds = 12, .keep = Keep::all});
  run.seconds_per_step = 1;
  run.run();
  EXPECT_EQ(checkpoint_steps(folder.path()), (std::vector<std::int64_t>{12, 24, 30}));
}

TEST(TrainLoop, TheScheduleCanReachBeyondTheRun) {
  const testing::TempFolder folder;
  ToyRun run(folder.path(), {.steps = 5, .horizon = 100, .log_every = 1});
  run.run();
  // the last step, number 4, of the published schedule over 100
  EXPECT_NEAR(run.logged.back().second["learning_rate"].get<double>(),
              0.01 * std::pow(1 - 3.0 / 100, 0.9), 1e-12);
}

}  // namespace
}  // namespace retina::trainer
