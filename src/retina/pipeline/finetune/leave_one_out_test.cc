#include "retina/pipeline/finetune/leave_one_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/data/memory_dataset.h"
#include "retina/net/network.h"
#include "retina/pipeline/finetune/finetune_test_data.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

/// Three images that are known everywhere, scored with an untrained network.
LeaveOneOutSetup toy_setup(const std::filesystem::path& folder) {
  LeaveOneOutSetup setup;
  setup.dataset = data::memory_dataset(3, 40);
  setup.regions = find_regions(*setup.dataset);
  setup.classes = {"right"};
  setup.start = {.card = {}, .network = net::make_network("transunet", toy_network())};
  setup.steps = 7;
  setup.file = folder / "regions.json";
  return setup;
}

/// Gives the start back, and notes the slices that it was given.
TrainOn noting_train(const LeaveOneOutSetup& setup, std::vector<std::vector<int>>& seen) {
  return [&setup, &seen](const std::shared_ptr<const data::Dataset>& dataset, double,
                         const core::Context&) {
    seen.emplace_back();
    for (const data::Slice& slice : dataset->slices) {
      seen.back().push_back(slice.volume);
    }
    return setup.start;
  };
}

TEST(LeaveOneOut, EveryTrainingLacksOneRegion) {
  const testing::TempFolder folder;
  const LeaveOneOutSetup setup = toy_setup(folder.path());
  std::vector<std::vector<int>> seen;
  const LeaveOneOut result =
      leave_one_out(setup, noting_train(setup, seen), core::silent_context());
  EXPECT_EQ(seen, (std::vector<std::vector<int>>{{1, 2}, {0, 2}, {0, 1}}));
  ASSERT_EQ(result.regions.size(), 3U);
  EXPECT_EQ(result.regions[2].slice, "image2");
  EXPECT_EQ(result.regions[2].classes.at(0).name, "right");
  EXPECT_EQ(result.mean_gain_dice, 0);  // nothing was trained
  EXPECT_EQ(core::read_json(setup.file), core::options_to_json(result));
  EXPECT_EQ(table_of(result).size(), 1U + 3U);
}

TEST(LeaveOneOut, WhatIsDoneIsNotRepeatedUnlessTheLimitsChange) {
  const testing::TempFolder folder;
  LeaveOneOutSetup setup = toy_setup(folder.path());
  std::vector<std::vector<int>> seen;
  const TrainOn train = noting_train(setup, seen);
  const TrainOn broken = [&](const auto& dataset, double limit, const core::Context& context) {
    if (seen.size() == 2) {
      throw Error(ErrorKind::interrupted, "stopped");
    }
    return train(dataset, limit, context);
  };
  EXPECT_THROW(leave_one_out(setup, broken, core::silent_context()), Error);
  EXPECT_EQ(core::read_json(setup.file).at("regions").size(), 2U);
  EXPECT_EQ(leave_one_out(setup, train, core::silent_context()).regions.size(), 3U);
  EXPECT_EQ(seen.size(), 3U);
  leave_one_out(setup, train, core::silent_context());
  EXPECT_EQ(seen.size(), 3U);
  setup.steps = 8;
  leave_one_out(setup, train, core::silent_context());
  EXPECT_EQ(seen.size(), 6U);
}

TEST(LeaveOneOut, TheSummaryOfALossSaysWhatToDo) {
  LeaveOneOut result;
  result.regions.resize(4);
  result.mean_gain_dice = 0.0832;
  result.mean_gain_iou = 0.1017;
  EXPECT_EQ(summary_of(result), "mean gain over 4 left-out regions: Dice +0.0832, IoU +0.1017");
  result.mean_gain_dice = -0.0832;
  EXPECT_THAT(summary_of(result),
              ::testing::AllOf(::testing::HasSubstr("Dice -0.0832"),
                               ::testing::HasSubstr("smaller optimizer.learning_rate")));
}

TEST(LeaveOneOut, ADamagedRecordNamesItsFile) {
  const testing::TempFolder folder;
  const LeaveOneOutSetup setup = toy_setup(folder.path());
  std::vector<std::vector<int>> seen;
  for (const char* text : {"null", R"({"steps": 1e300})", R"({"regions": [{"y": "top"}]})"}) {
    core::write_atomically(setup.file, std::string_view(text));
    try {
      leave_one_out(setup, noting_train(setup, seen), core::silent_context());
      FAIL() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data) << text;
      EXPECT_THAT(error.what(), ::testing::HasSubstr("regions.json"));
    }
  }
}

}  // namespace
}  // namespace retina::pipeline
