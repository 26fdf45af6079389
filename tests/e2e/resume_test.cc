#include <chrono>
#include <thread>

#include "program.h"
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::e2e {
namespace {

/// A network and data that take a few milliseconds a step.
void write_small_training(const std::filesystem::path& folder) {
  write_blob_dataset(folder, 3, 1, 96);
  core::write_atomically(folder / "c.json", R"({
    "preset": "retina-tiny", "classes": ["blob"], "seed": 5, "threads": 1, "batch": 2, "steps": 40, "max_seconds": 0,
    "checkpoint_every": 5, "precision": "fp32",
    "network": {"window": 32, "pixel_stride": 1, "hidden": 24, "mlp": 48, "heads": 3, "layers": 1,
                "resnet_units": [1, 1, 1], "decoder_head_channels": 16, "decoder_channels": [16, 8, 8, 8]}})");
}

std::string training_arguments(const std::filesystem::path& folder, const std::string& run) {
  return "finetune -c " + (folder / "c.json").string() + " --images " +
         (folder / "images").string() + " --masks " + (folder / "masks").string() + " -o " +
         (folder / run).string();
}

/// Starts the program, waits for `path` to appear, sends `signal`, and gives the status of
/// waitpid().
int signal_when_there_is(const std::filesystem::path& path, int signal,
                         const std::string& arguments) {
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string command =
        "exec " + std::string(RETINA_PROGRAM) + " " + arguments + " >/dev/null 2>&1";
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  for (int i = 0; i < 6000 && !std::filesystem::exists(path); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(std::filesystem::exists(path)) << "the run never wrote " << path;
  ::kill(child, signal);
  int status = 0;
  ::waitpid(child, &status, 0);
  return status;
}

TEST(ResumeE2e, AKilledRunEndsWithTheWeightsOfAnUndisturbedOne) {
  const testing::TempFolder folder;
  write_small_training(folder.path());
  const Outcome whole = run_retina(folder.path(), training_arguments(folder.path(), "whole"));
  ASSERT_EQ(whole.exit_code, 0) << whole.standard_error;

  signal_when_there_is(folder / "cut/checkpoints/step_00000020", SIGKILL,
                       training_arguments(folder.path(), "cut"));
  const Outcome resumed =
      run_retina(folder.path(), "finetune --json --resume -o " + (folder / "cut").string());
  ASSERT_EQ(resumed.exit_code, 0) << resumed.standard_error;

  EXPECT_EQ(resumed.json()["steps"], 40);
  EXPECT_TRUE(slurp(folder / "cut/model/weights.safetensors") ==
              slurp(folder / "whole/model/weights.safetensors"));
}

TEST(ResumeE2e, ExtendToGoesOnWithAFinishedRun) {
  const testing::TempFolder folder;
  write_small_training(folder.path());
  ASSERT_EQ(run_retina(folder.path(), training_arguments(folder.path(), "run")).exit_code, 0);
  const Outcome longer = run_retina(
      folder.path(), "finetune --json --resume --extend-to 50 -o " + (folder / "run").string());
  ASSERT_EQ(longer.exit_code, 0) << longer.standard_error;
  EXPECT_EQ(longer.json()["steps"], 50);
}

TEST(InterruptE2e, CtrlCWritesACheckpointAndExitsWith5) {
  const testing::TempFolder folder;
  write_small_training(folder.path());
  const std::string arguments = training_arguments(folder.path(), "run") + " --steps 100000";
  const int status =
      signal_when_there_is(folder / "run/checkpoints/step_00000005", SIGINT, arguments);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 5);
}

}  // namespace
}  // namespace retina::e2e
