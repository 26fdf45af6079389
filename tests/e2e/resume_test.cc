#include "process.h"
#include "program.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::e2e {
namespace {

/// Starts the program in `folder`, waits for `path` to appear, sends `signal`, and says how it
/// ended.
Ended signal_when_there_is(const std::filesystem::path& path, int signal,
                           const testing::TempFolder& folder, const std::string& arguments) {
  Process process(folder.path(), std::string(RETINA_PROGRAM) + " " + arguments);
  EXPECT_TRUE(appears(path)) << "the run never wrote " << path;
  process.signal(signal);
  return process.wait();
}

TEST(ResumeE2e, AKilledRunEndsWithTheWeightsOfAnUndisturbedOne) {
  const testing::TempFolder folder;
  write_small_training(folder.path());
  const Outcome whole = run_retina(folder.path(), small_training(folder.path(), "whole"));
  ASSERT_EQ(whole.exit_code, 0) << whole.standard_error;

  signal_when_there_is(folder / "cut/checkpoints/step_00000020", SIGKILL, folder,
                       small_training(folder.path(), "cut"));
  const Outcome resumed =
      run_retina(folder.path(), "finetune --json --resume -o " + (folder / "cut").string());
  ASSERT_EQ(resumed.exit_code, 0) << resumed.standard_error;

  EXPECT_EQ(resumed.json()["steps"], 40);
  EXPECT_TRUE(slurp(folder / "cut/model/weights.safetensors") ==
              slurp(folder / "whole/model/weights.safetensors"));
}

TEST(ResumeE2e, AKilledRunWithValidationAndAveragingEndsAlike) {
  const testing::TempFolder folder;
  write_small_training(folder.path());
  write_blob_dataset(folder / "held_out", 2, 9, 96);
  const std::string options = " --average-decay 0.9 --set validation.every=8 --validation-images " +
                              (folder / "held_out/images").string() + " --validation-masks " +
                              (folder / "held_out/masks").string();
  const Outcome whole =
      run_retina(folder.path(), small_training(folder.path(), "whole") + options + " --json");
  ASSERT_EQ(whole.exit_code, 0) << whole.standard_error;

  signal_when_there_is(folder / "cut/checkpoints/step_00000020", SIGKILL, folder,
                       small_training(folder.path(), "cut") + options);
  const Outcome resumed =
      run_retina(folder.path(), "finetune --json --resume -o " + (folder / "cut").string());
  ASSERT_EQ(resumed.exit_code, 0) << resumed.standard_error;

  EXPECT_EQ(resumed.json()["best_validation_iou"], whole.json()["best_validation_iou"]);
  EXPECT_EQ(resumed.json()["best_step"], whole.json()["best_step"]);
  EXPECT_TRUE(slurp(folder / "cut/model/weights.safetensors") ==
              slurp(folder / "whole/model/weights.safetensors"));
  for (const char* part : {"weights", "average", "optimizer", "meters"}) {
    const std::string file = std::string("checkpoints/step_00000040/") + part + ".safetensors";
    EXPECT_TRUE(slurp(folder / "cut" / file) == slurp(folder / "whole" / file)) << part;
  }
}

TEST(ResumeE2e, AKilledPretrainingEndsAlikeAndIsFinetuned) {
  const testing::TempFolder folder;
  write_small_training(folder.path());
  write_small_pretraining(folder / "p.json");
  const auto arguments = [&](const std::string& run) {
    return "pretrain --json -c " + (folder / "p.json").string() + " --images " +
           (folder / "images").string() + " -o " + (folder / run).string();
  };
  const Outcome whole = run_retina(folder.path(), arguments("whole"));
  ASSERT_EQ(whole.exit_code, 0) << whole.standard_error;
  signal_when_there_is(folder / "cut/checkpoints/step_00000020", SIGKILL, folder, arguments("cut"));
  const Outcome resumed =
      run_retina(folder.path(), "pretrain --json --resume -o " + (folder / "cut").string());
  ASSERT_EQ(resumed.exit_code, 0) << resumed.standard_error;
  EXPECT_TRUE(slurp(folder / "cut/model/weights.safetensors") ==
              slurp(folder / "whole/model/weights.safetensors"));

  const Outcome tuned = run_retina(
      folder.path(),
      "finetune --json --classes blob --steps 2 --threads 1 --set network.window=64 "
      "--init " +
          (folder / "cut").string() + " --images " + (folder / "images").string() + " --masks " +
          (folder / "masks").string() + " -o " + (folder / "tuned").string());
  ASSERT_EQ(tuned.exit_code, 0) << tuned.standard_error;
  EXPECT_THAT(tuned.standard_error, ::testing::HasSubstr("re-initialised"));
  const Outcome refused = run_retina(
      folder.path(), "predict --model " + (folder / "whole").string() + " " +
                         (folder / "images").string() + " -o " + (folder / "out").string());
  EXPECT_EQ(refused.exit_code, 3);
  EXPECT_THAT(refused.standard_error, ::testing::HasSubstr("finetune --init"));
}

/// folder/grid.json: four trainings of folder/c.json.
void write_four_trainings(const testing::TempFolder& folder) {
  write_small_training(folder.path());
  write_blob_dataset(folder / "held_out", 2, 9, 96);
  const std::string at = folder.path().string();
  core::write_atomically(folder / "grid.json", R"({
    "datasets": [{"name": "blobs", "config": ")" + at +
                                                   R"(/c.json"}],
    "inits": [{"name": "random"}, {"name": "slow", "finetune": {"optimizer": {"learning_rate": 1e-4}}}],
    "labels": [1], "seeds": [1, 2], "threads": 1, "pictures": false,
    "finetune": {"data": {"path": ")" + at + R"("}, "validation": {"data": {"path": ")" +
                                                   at + R"(/held_out"}}}})");
}

TEST(ResumeE2e, AKilledComparisonGoesOnInTwoProcesses) {
  const testing::TempFolder folder;
  write_four_trainings(folder);
  const auto arguments = [&](const std::string& output) {
    return "compare --json -c " + (folder / "grid.json").string() + " -o " +
           (folder / output).string();
  };
  const Outcome whole = run_retina(folder.path(), arguments("whole"));
  ASSERT_EQ(whole.exit_code, 0) << whole.standard_error;

  signal_when_there_is(folder / "cut/cells/blobs/1/slow/seed1/run/checkpoints/step_00000020",
                       SIGKILL, folder, arguments("cut"));
  const Outcome rest = run_retina(folder.path(), arguments("cut") + " --jobs 2");
  ASSERT_EQ(rest.exit_code, 0) << rest.standard_error;

  EXPECT_TRUE(std::filesystem::exists(folder / "cut/job2.log"));
  ASSERT_EQ(rest.json()["finished"], 4);
  for (int run = 0; run < 4; ++run) {
    EXPECT_EQ(rest.json()["runs"][run]["scores"], whole.json()["runs"][run]["scores"]);
    EXPECT_EQ(rest.json()["runs"][run]["curve"], whole.json()["runs"][run]["curve"]);
  }
}

TEST(ResumeE2e, ExtendToGoesOnWithAFinishedRun) {
  const testing::TempFolder folder;
  write_small_training(folder.path());
  ASSERT_EQ(run_retina(folder.path(), small_training(folder.path(), "run")).exit_code, 0);
  const Outcome longer = run_retina(
      folder.path(), "finetune --json --resume --extend-to 50 -o " + (folder / "run").string());
  ASSERT_EQ(longer.exit_code, 0) << longer.standard_error;
  EXPECT_EQ(longer.json()["steps"], 50);
}

TEST(InterruptE2e, AStoppedComparisonTellsWhatIsFinishedAndExitsWith5) {
  const testing::TempFolder folder;
  write_four_trainings(folder);
  for (const std::string jobs : {"1", "2"}) {
    const std::filesystem::path out = folder / ("out" + jobs);
    const Ended ended =
        signal_when_there_is(out / "cells/blobs/1/random/seed1/result.json", SIGTERM, folder,
                             "compare -c " + (folder / "grid.json").string() +
                                 " --set finetune.steps=200 --set finetune.checkpoint_every=100" +
                                 " --jobs " + jobs + " -o " + out.string());
    EXPECT_EQ(ended.exit_code, 5) << slurp(folder / "err.txt");
    const std::size_t told = core::read_json(out / "results.json").at("runs").size();
    EXPECT_TRUE(told > 0 && told < 4) << told;
    for (const char* name : {"report.html", "results.csv", "curves.csv", "results.md"}) {
      EXPECT_TRUE(std::filesystem::exists(out / name)) << name;
    }
  }
}

TEST(InterruptE2e, CtrlCWritesACheckpointAndExitsWith5) {
  const testing::TempFolder folder;
  write_small_training(folder.path());
  const std::string arguments = small_training(folder.path(), "run") + " --steps 100000";
  const Ended ended =
      signal_when_there_is(folder / "run/checkpoints/step_00000005", SIGINT, folder, arguments);
  ASSERT_EQ(ended.by_signal, 0);
  EXPECT_EQ(ended.exit_code, 5);
}

}  // namespace
}  // namespace retina::e2e
