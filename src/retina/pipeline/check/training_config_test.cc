#include "retina/pipeline/check/training_config.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/options.h"
#include "retina/pipeline/check/check.h"
#include "retina/pipeline/reading_options.h"

namespace retina::pipeline {
namespace {

/// Keys of the verb: those of CheckOptions and its short flags.
Json keys_of_check() {
  Json keys =
      core::merge(core::options_to_json(CheckOptions{}), core::options_to_json(ReadingOptions{}));
  for (const char* flag : {"dataset", "images", "masks", "validation_images", "validation_masks"}) {
    keys[flag] = "";
  }
  return keys;
}

Json data_to_check(const Json& given) {
  return data_of_training(given, keys_of_check(), core::silent_context());
}

TEST(TrainingConfig, AConfigurationOfCheckStaysAsItIs) {
  const Json given = {{"data", {{"path", "d"}}},
                      {"validation", {{"path", "h"}}},
                      {"max_planes", 7},
                      {"output", "page.html"}};
  EXPECT_EQ(data_to_check(given), given);
}

TEST(TrainingConfig, TheDataOfATrainingAreWhatCheckReads) {
  const Json given = {{"preset", "retina-tiny"},
                      {"images", "i"},
                      {"masks", "m"},
                      {"init", "a model that is not here"},
                      {"output", "run"},
                      {"max_planes", 7},
                      {"classes", Json::array({"m", "n"})},
                      {"data", {{"ignore_value", 9}}},
                      {"more_data", Json::array({Json{{"path", "e"}, {"every", 2}}})},
                      {"validation", {{"every", 5}, {"data", {{"path", "h"}}}}}};
  const Json found = data_to_check(given);
  EXPECT_FALSE(found.contains("output")) << "the run folder is no page";
  EXPECT_FALSE(found.contains("preset"));
  EXPECT_EQ(found.at("max_planes"), 7);
  const auto options = core::options_from_json<CheckOptions>(found);
  EXPECT_EQ(options.classes, (std::vector<std::string>{"m", "n"}));
  EXPECT_EQ(options.data.images, "i") << "of the short flags";
  EXPECT_EQ(options.data.masks, "m");
  ASSERT_EQ(options.more_data.size(), 1U);
  EXPECT_EQ(options.more_data[0].path, "e");
  EXPECT_EQ(options.more_data[0].every, 2);
  EXPECT_EQ(options.validation.path, "h");
  EXPECT_EQ(options.validation.ignore_value, 9) << "read as the training data are";
}

TEST(TrainingConfig, TheShortFlagsOfCheckStayBesideATraining) {
  const Json given = {{"dataset", "d"},
                      {"preset", "retina-tiny"},
                      {"voxel_size_nm", {4, 8, 8}},
                      {"data", {{"every", 2}}}};
  const Json found = data_to_check(given);
  EXPECT_EQ(found.at("dataset"), "d") << "for check to lay over data.path";
  EXPECT_EQ(found.at("voxel_size_nm"), given.at("voxel_size_nm"));
  EXPECT_EQ(found.at("data").at("every"), 2);
  EXPECT_FALSE(found.contains("preset"));
}

TEST(TrainingConfig, HeldOutDataUnderDataAreOfATrainingAndItsPageIsWritten) {
  const Json given = {{"data", {{"path", "d"}}},
                      {"validation", {{"data", {{"path", "h"}}}}},
                      {"output", "page.html"},
                      {"overwrite", true}};
  const Json found = data_to_check(given);
  EXPECT_EQ(found.at("validation").at("path"), "h");
  EXPECT_EQ(found.at("output"), "page.html");
  EXPECT_EQ(found.at("overwrite"), true);
}

}  // namespace
}  // namespace retina::pipeline
