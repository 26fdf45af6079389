#include <algorithm>
#include <chrono>
#include <functional>
#include <string_view>
#include <thread>
#include <vector>

#include "process.h"
#include "program.h"
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/clock.h"
#include "retina/core/file.h"
#include "retina/tensor/safetensors.h"
#include "retina/testing/free_port.h"
#include "retina/testing/temp_folder.h"

namespace retina::e2e {
namespace {

/// Variables of a rank of two that are started by hand.
std::string by_hand(int rank, int number) {
  return fmt::format("RANK={} WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT={}", rank, number);
}

/// Variables that srun sets for a task of two, of job `number`. The port follows from it: one of
/// ten thousand, most likely free.
std::string by_slurm(int rank, int number) {
  return fmt::format(
      "-u RANK -u WORLD_SIZE -u MASTER_ADDR -u MASTER_PORT SLURM_JOB_ID={} SLURM_PROCID={} "
      "SLURM_NTASKS=2 SLURM_STEP_NUM_TASKS=2 SLURM_STEP_NODELIST=localhost SLURM_LOCALID={}",
      number, rank, rank);
}

/// Two ranks of `retina ARGUMENTS`, with the variables that `start` makes of the number of a free
/// port; the messages of rank r lie in FOLDER/rank_r/err.txt.
class TwoRanks {
 public:
  TwoRanks(const std::filesystem::path& folder,
           const std::function<std::string(int rank)>& arguments,
           const std::function<std::string(int rank, int number)>& start = by_hand)
      : folder_(folder) {
    const int number = testing::free_port();
    for (int rank = 0; rank < 2; ++rank) {
      std::filesystem::create_directories(place(rank));
      processes_.emplace_back(place(rank), fmt::format("env {} {} {}", start(rank, number),
                                                       RETINA_PROGRAM, arguments(rank)));
    }
  }

  Process& operator[](int rank) { return processes_[static_cast<std::size_t>(rank)]; }
  std::string messages(int rank) const { return slurp(place(rank) / "err.txt"); }
  void expect_success() {
    for (int rank = 0; rank < 2; ++rank) {
      EXPECT_EQ((*this)[rank].wait().exit_code, 0) << messages(rank);
    }
  }

 private:
  std::filesystem::path place(int rank) const { return folder_ / fmt::format("rank_{}", rank); }

  std::filesystem::path folder_;
  std::vector<Process> processes_;
};

/// Pre-training without dropout, in which a step takes a few milliseconds: batches of 4 in groups
/// of 2.
void write_pretraining(const std::filesystem::path& folder) {
  write_blob_dataset(folder, 3, 1, 96);
  core::write_atomically(folder / "p.json", std::string_view(R"({
    "preset": "retina-tiny", "seed": 5, "threads": 1, "batch": 4, "ghost_batch": 2, "steps": 20,
    "checkpoint_every": 5, "precision": "fp32", "pictures": 2, "pictures_every": 0,
    "optimizer": {"kind": "sgd", "learning_rate": 0.01, "clip_norm": 1},
    "schedule": {"kind": "poly", "warmup_steps": 0}, "max_epochs": 5000,
    "network": {"window": 32, "pixel_stride": 1, "hidden": 24, "mlp": 48, "heads": 3, "layers": 1, "dropout": 0,
                "resnet_units": [1, 1, 1], "decoder_head_channels": 16, "decoder_channels": [16, 8, 8, 8]}})"));
}

std::string pretraining(const std::filesystem::path& folder, const std::string& run) {
  return fmt::format("pretrain -c {} --images {} -o {}", (folder / "p.json").string(),
                     (folder / "images").string(), (folder / run).string());
}

void expect_same_weights(const std::filesystem::path& run, const std::filesystem::path& other,
                         double tolerance) {
  const auto left = tensor::read_safetensors(run / "model/weights.safetensors");
  const auto right = tensor::read_safetensors(other / "model/weights.safetensors");
  ASSERT_EQ(left.tensors.size(), right.tensors.size());
  for (const auto& [name, tensor] : left.tensors) {
    EXPECT_LE((tensor - right.at(name)).abs().max().item<double>(), tolerance) << name;
  }
}

TEST(RanksE2e, TwoRanksPretrainWhatOneProcessDoes) {
  const testing::TempFolder folder;
  write_pretraining(folder.path());
  const Outcome one = run_retina(folder.path(), pretraining(folder.path(), "one"));
  ASSERT_EQ(one.exit_code, 0) << one.standard_error;
  TwoRanks two(folder.path(), [&](int) { return pretraining(folder.path(), "two"); });
  two.expect_success();
  EXPECT_THAT(two.messages(1), ::testing::Not(::testing::HasSubstr("training on")));
  expect_same_weights(folder / "one", folder / "two", 1e-5);
}

TEST(RanksE2e, ASlurmStepPretrainsWhatOneProcessDoes) {
  const testing::TempFolder folder;
  write_pretraining(folder.path());
  const Outcome one = run_retina(folder.path(), pretraining(folder.path(), "one"));
  ASSERT_EQ(one.exit_code, 0) << one.standard_error;
  TwoRanks step(
      folder.path(), [&](int) { return pretraining(folder.path(), "two"); }, by_slurm);
  step.expect_success();
  EXPECT_THAT(step.messages(0), ::testing::HasSubstr("2 ranks"));
  expect_same_weights(folder / "one", folder / "two", 1e-5);
}

/// Two launchers that meet, as on two machines, and one for both ranks.
TEST(RanksE2e, TorchrunStartsRanksThatPretrainTheSame) {
  if (std::string_view(RETINA_TORCHRUN).empty()) {
    GTEST_SKIP() << "no torchrun: LibTorch is not from a Python package";
  }
  const testing::TempFolder folder;
  write_pretraining(folder.path());
  const auto start = [&](const std::string& name, const std::string& how, const std::string& run) {
    std::filesystem::create_directories(folder / name);
    return Process(folder / name, fmt::format("{} {} --no-python {} {}", RETINA_TORCHRUN, how,
                                              RETINA_PROGRAM, pretraining(folder.path(), run)));
  };
  const std::string meeting = fmt::format(
      "--nnodes 2 --nproc-per-node 1 --local-addr 127.0.0.1 --rdzv-backend c10d --rdzv-endpoint "
      "127.0.0.1:{}",
      testing::free_port());
  Process left = start("left", meeting, "two");
  Process right = start("right", meeting, "two");
  EXPECT_EQ(left.wait().exit_code, 0) << slurp(folder / "left/err.txt");
  EXPECT_EQ(right.wait().exit_code, 0) << slurp(folder / "right/err.txt");
  Process both = start("both", "--standalone --nproc-per-node 2", "one");
  EXPECT_EQ(both.wait().exit_code, 0) << slurp(folder / "both/err.txt");
  expect_same_weights(folder / "one", folder / "two", 1e-5);
}

/// Fine-tuning without dropout: batches of 4 in groups of 2. BatchNorm and Dice see one group.
void write_finetuning(const std::filesystem::path& folder) {
  write_blob_dataset(folder, 3, 1, 96);
  core::write_atomically(folder / "f.json", std::string_view(R"({
    "preset": "retina-tiny", "classes": ["blob"], "seed": 5, "threads": 1, "batch": 4, "ghost_batch": 2, "steps": 20,
    "average_decay": 0, "precision": "fp32", "optimizer": {"kind": "sgd", "learning_rate": 0.01, "clip_norm": 1},
    "network": {"window": 32, "pixel_stride": 1, "hidden": 24, "mlp": 48, "heads": 3, "layers": 1, "dropout": 0,
                "resnet_units": [1, 1, 1], "decoder_head_channels": 16, "decoder_channels": [16, 8, 8, 8]}})"));
}

TEST(RanksE2e, TwoRanksFinetuneWhatOneProcessDoes) {
  const testing::TempFolder folder;
  write_finetuning(folder.path());
  const auto finetuning = [&](const char* run) {
    return small_training(folder.path(), run, "f.json");
  };
  const Outcome one = run_retina(folder.path(), finetuning("one"));
  ASSERT_EQ(one.exit_code, 0) << one.standard_error;
  TwoRanks two(folder.path(), [&](int) { return finetuning("two"); });
  two.expect_success();
  expect_same_weights(folder / "one", folder / "two", 1e-5);
}

TEST(RanksE2e, TwoRanksFinetuneValidateAndAverageWeights) {
  const testing::TempFolder folder;
  write_small_training(folder.path());
  write_blob_dataset(folder / "held_out", 2, 9, 96);
  TwoRanks two(folder.path(), [&](int) {
    return small_training(folder.path(), "run") +
           fmt::format(
               " --average-decay 0.9 --set validation.every=15 --validation-images {0}/images "
               "--validation-masks {0}/masks",
               (folder / "held_out").string());
  });
  two.expect_success();
  EXPECT_TRUE(std::filesystem::exists(folder / "run/report.html"));
  EXPECT_TRUE(std::filesystem::exists(folder / "run/checkpoints/step_00000040"));
}

/// Of the last checkpoint of a run; 0 without one.
std::int64_t last_step(const std::filesystem::path& run) {
  std::int64_t last = 0;
  if (!std::filesystem::exists(run / "checkpoints")) {
    return last;
  }
  for (const auto& entry : std::filesystem::directory_iterator(run / "checkpoints")) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("step_")) {
      last = std::max<std::int64_t>(last, std::stoll(name.substr(5)));
    }
  }
  return last;
}

TEST(RanksE2e, AKilledRankEndsTheOtherAndOneProcessGoesOn) {
  for (const int killed : {1, 0}) {
    const testing::TempFolder folder;
    write_pretraining(folder.path());
    TwoRanks two(folder.path(),
                 [&](int) { return pretraining(folder.path(), "cut") + " --steps 1000000"; });
    for (int i = 0; i < 6000 && last_step(folder / "cut") == 0; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    two[killed].signal(SIGKILL);
    const core::Stopwatch watch;
    EXPECT_EQ(two[1 - killed].wait().exit_code, 4) << two.messages(1 - killed);
    EXPECT_LT(watch.seconds(), 60);
    EXPECT_THAT(two.messages(1 - killed), ::testing::HasSubstr(fmt::format("rank {} (", killed)));

    const std::int64_t steps = last_step(folder / "cut") + 3;
    const Outcome resumed = run_retina(
        folder.path(),
        fmt::format("pretrain --json --resume --steps {} -o {}", steps, (folder / "cut").string()));
    ASSERT_EQ(resumed.exit_code, 0) << resumed.standard_error;
    EXPECT_EQ(resumed.json()["steps"], steps);
  }
}

TEST(RanksE2e, ARunOfOneProcessIsResumedByTwoRanks) {
  const testing::TempFolder folder;
  write_pretraining(folder.path());
  const Outcome begun =
      run_retina(folder.path(), pretraining(folder.path(), "run") + " --steps 10");
  ASSERT_EQ(begun.exit_code, 0) << begun.standard_error;
  const Outcome whole = run_retina(folder.path(), pretraining(folder.path(), "whole"));
  ASSERT_EQ(whole.exit_code, 0) << whole.standard_error;
  TwoRanks two(folder.path(), [&](int) {
    return "pretrain --resume --extend-to 20 -o " + (folder / "run").string();
  });
  two.expect_success();
  expect_same_weights(folder / "whole", folder / "run", 1e-5);
}

TEST(RanksE2e, ARankWithAnotherConfigurationIsRefused) {
  const testing::TempFolder folder;
  write_pretraining(folder.path());
  TwoRanks two(folder.path(), [&](int rank) {
    return pretraining(folder.path(), "run") + (rank == 1 ? " --set optimizer.momentum=0.8" : "");
  });
  for (int rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(two[rank].wait().exit_code, 2);
    EXPECT_THAT(two.messages(rank), ::testing::HasSubstr("rank 1 ("));
    EXPECT_THAT(two.messages(rank), ::testing::HasSubstr("configuration.optimizer.momentum = 0.8"));
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "run"));
}

TEST(RanksE2e, ARankWithOtherImagesIsRefused) {
  const testing::TempFolder folder;
  write_pretraining(folder.path());
  write_blob_dataset(folder / "rank_0", 3, 1, 96);  // the folders in which the ranks run
  write_blob_dataset(folder / "rank_1", 3, 2, 96);
  TwoRanks two(folder.path(), [&](int) {
    return fmt::format("pretrain -c {} --images images -o {}", (folder / "p.json").string(),
                       (folder / "run").string());
  });
  for (int rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(two[rank].wait().exit_code, 2);
    EXPECT_THAT(two.messages(rank), ::testing::HasSubstr("rank 1 ("));
    EXPECT_THAT(two.messages(rank), ::testing::HasSubstr("training data.planes."));
  }
}

TEST(RanksE2e, ARankWithOtherHeldOutMasksIsRefused) {
  const testing::TempFolder folder;
  write_small_training(folder.path());
  write_blob_dataset(folder / "rank_0", 2, 9, 96);  // the folders in which the ranks run
  write_blob_dataset(folder / "rank_1", 2, 9, 96);
  std::filesystem::copy_file(folder / "masks/slice0.png", folder / "rank_1/masks/slice1.png",
                             std::filesystem::copy_options::overwrite_existing);
  TwoRanks two(folder.path(), [&](int) {
    return small_training(folder.path(), "run") +
           " --validation-images images --validation-masks masks";
  });
  for (int rank = 0; rank < 2; ++rank) {
    EXPECT_EQ(two[rank].wait().exit_code, 2);
    EXPECT_THAT(two.messages(rank), ::testing::HasSubstr("held-out data.planes.slice1.labels"));
  }
}

}  // namespace
}  // namespace retina::e2e
