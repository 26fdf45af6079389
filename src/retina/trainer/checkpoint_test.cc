#include "retina/trainer/checkpoint.h"

#include <cstring>
#include <fstream>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/testing/bad_data.h"
#include "retina/testing/temp_folder.h"

namespace retina::trainer {
namespace {

Checkpoint sample_checkpoint() {
  Checkpoint checkpoint;
  checkpoint.progress = {{"step", 12}, {"seconds", 0.1}};
  checkpoint.weights.tensors = {{"a", at::arange(6).to(at::kFloat).view({2, 3})}};
  checkpoint.optimizer.tensors = {{"first.a", at::ones({2, 3})}};
  checkpoint.optimizer.metadata = {{"steps", "12"}};
  checkpoint.meters.tensors = {{"loss", at::tensor(0.1, at::kDouble)}};
  return checkpoint;
}

TEST(Checkpoint, ReadsBackWhatWasWritten) {
  const testing::TempFolder folder;
  const auto path = checkpoint_folder(folder.path(), 12);
  save_checkpoint(path, sample_checkpoint());

  const Checkpoint read = load_checkpoint(path);

  EXPECT_EQ(read.progress, sample_checkpoint().progress);
  EXPECT_TRUE(read.weights.at("a").equal(sample_checkpoint().weights.at("a")));
  EXPECT_EQ(read.optimizer.metadata.at("steps"), "12");
  EXPECT_EQ(read.meters.at("loss").item<double>(), 0.1);
  EXPECT_TRUE(read.average.tensors.empty());
}

TEST(Checkpoint, UnfinishedFoldersAreNotCheckpoints) {
  const testing::TempFolder folder;
  save_checkpoint(checkpoint_folder(folder.path(), 100), sample_checkpoint());
  save_checkpoint(checkpoint_folder(folder.path(), 20), sample_checkpoint());
  std::filesystem::create_directories(folder / ".step_00000300.partial");
  EXPECT_EQ(checkpoint_steps(folder.path()), (std::vector<std::int64_t>{20, 100}));
}

TEST(Checkpoint, OthersThanThoseToKeepAreDiscarded) {
  const testing::TempFolder folder;
  for (const std::int64_t step : {5, 10, 15}) {
    save_checkpoint(checkpoint_folder(folder.path(), step), sample_checkpoint());
  }
  discard_other_checkpoints(folder.path(), {15, 5, -1});
  EXPECT_EQ(checkpoint_steps(folder.path()), (std::vector<std::int64_t>{5, 15}));
}

TEST(Checkpoint, AMissingOrBrokenNumberNamesTheFile) {
  tensor::NamedTensors tensors;
  tensors.metadata = {{"steps", "12"}, {"count", "12x"}, {"below", "-1"}};
  EXPECT_EQ(metadata_number(tensors, "steps", "a"), 12);
  for (const char* key : {"count", "updates", "below"}) {
    try {
      metadata_number(tensors, key, "checkpoints/step_00000012");
      FAIL() << key;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
      EXPECT_NE(std::string(error.what()).find("step_00000012"), std::string::npos);
    }
  }
}

TEST(Checkpoint, AProgressThatIsNoTableIsBadData) {
  const testing::TempFolder folder;
  const auto path = checkpoint_folder(folder.path(), 12);
  save_checkpoint(path, sample_checkpoint());
  for (const char* text : {"null", "[]", "12", "{\"step\": 1"}) {
    std::ofstream(path / "checkpoint.json") << text;
    try {
      load_checkpoint(path);
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data) << text;
    }
  }
}

TEST(Checkpoint, NumbersThatAreNotFiniteAreDamage) {
  const testing::TempFolder folder;
  const auto path = checkpoint_folder(folder.path(), 12);
  Checkpoint damaged = sample_checkpoint();
  at::Tensor& first = damaged.optimizer.tensors[0].second;
  std::memset(first.mutable_data_ptr(), 0xFF, first.nbytes() / 2);
  save_checkpoint(path, damaged);
  EXPECT_THAT(testing::bad_data_message([&] { load_checkpoint(path); }),
              ::testing::HasSubstr("step_00000012/optimizer.safetensors: first.a: 3 of 6 values"));
  Checkpoint diverged = sample_checkpoint();
  diverged.weights.tensors[0].second[0][0] = std::numeric_limits<float>::infinity();
  save_checkpoint(path, diverged);
  EXPECT_THAT(testing::bad_data_message([&] { load_checkpoint(path); }),
              ::testing::HasSubstr("weights.safetensors: a: 1 of 6 values"));
  Checkpoint undefined = sample_checkpoint();
  undefined.meters.tensors[0].second.fill_(std::numeric_limits<double>::quiet_NaN());
  save_checkpoint(path, undefined);
  EXPECT_NO_THROW(load_checkpoint(path));
}

TEST(Checkpoint, AMissingPartIsAnError) {
  const testing::TempFolder folder;
  const auto path = checkpoint_folder(folder.path(), 12);
  save_checkpoint(path, sample_checkpoint());
  std::filesystem::remove(path / "optimizer.safetensors");
  EXPECT_THROW(load_checkpoint(path), Error);
  EXPECT_THROW(load_checkpoint(folder / "none"), Error);
}

}  // namespace
}  // namespace retina::trainer
