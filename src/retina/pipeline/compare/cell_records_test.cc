#include "retina/pipeline/compare/cell_records.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/options.h"
#include "retina/pipeline/evaluate/evaluate.h"
#include "retina/testing/bad_data.h"

namespace retina::pipeline {
namespace {

TEST(CellRecords, ReadBackWhatWasWritten) {
  CellResult result{.evaluate = {{"volume", true}}, .steps = 12, .seconds_per_step = 0.5};
  result.scores = {{"iou", 0.75}};
  result.curve.push_back({.step = 6, .iou = 0.5, .scores = {{"iou", 0.25}}});
  result.slices.push_back({.name = "a", .iou = {}});
  result.notes = {"the voxel size is not known"};
  const Json json = core::options_to_json(result);
  EXPECT_EQ(core::options_to_json(cell_result_of(json, "a")), json);
  EXPECT_EQ(json["notes"].size(), 1U);
  EXPECT_TRUE(cell_result_of(Json::object(), "of an earlier version").notes.empty());
  EXPECT_EQ(trained_cell_of({{"steps", 7}, {"run", "r"}}, "a").steps, 7);
}

TEST(CellRecords, StepsScoredByOtherRulesHaveNoScores) {
  const Json rules = {{"volume", true}};
  const Json step = {{"evaluate", rules}, {"scores", {{"iou", 0.5}}}};
  EXPECT_EQ(step_scores_of(step, rules, "a").at("iou"), 0.5);
  EXPECT_TRUE(step_scores_of(step, {{"volume", false}}, "a").empty());
  EXPECT_TRUE(step_scores_of(Json::object(), rules, "a").empty());
}

TEST(CellRecords, TheFormerDefaultOfMaxRamIsThePresentOne) {
  const Json former = {{"max_ram", "4GiB"}};
  const Json present = {{"max_ram", "auto"}};
  EXPECT_TRUE(are_same_rules(former, present));
  EXPECT_TRUE(are_same_rules(former, former)) << "given in the configuration";
  EXPECT_TRUE(are_same_rules(present, former));
  EXPECT_FALSE(are_same_rules(former, {{"max_ram", "8GiB"}}));
  const Json step = {{"evaluate", former}, {"scores", {{"iou", 0.5}}}};
  EXPECT_EQ(step_scores_of(step, former, "a").at("iou"), 0.5);
}

TEST(CellRecords, OptionsThatChangeNoScoreAreNoOtherRules) {
  const Json rules = core::options_to_json(EvaluateOptions{});
  const auto are_same_with = [&](const std::string& option, const Json& value) {
    Json others = rules;
    EXPECT_TRUE(others.contains(option)) << option;
    others[option] = value;
    return are_same_rules(others, rules) && are_same_rules(rules, others);
  };
  const std::vector<std::pair<std::string, Json>> idle{{"prediction", "a"},
                                                       {"truth", "b"},
                                                       {"ignore_value", 255},
                                                       {"axes", "zyx"},
                                                       {"voxel_size_nm", Json::array({4, 4, 4})}};
  for (const auto& [option, value] : idle) {
    EXPECT_TRUE(are_same_with(option, value)) << option;
  }
  const std::vector<std::pair<std::string, Json>> telling{
      {"classes", Json::array({"2"})}, {"volume", true},   {"cremi", true}, {"max_ram", "1MiB"},
      {"distance_halo", 8.0},          {"scratch", "/tmp"}};
  for (const auto& [option, value] : telling) {
    EXPECT_FALSE(are_same_with(option, value)) << option;
  }
}

TEST(CellRecords, AFailureIsReadAsItWasWritten) {
  const CellFailure failure{.start = "a1", .kind = ErrorKind::bad_data, .error = "no images"};
  const CellFailure read = cell_failure_of(core::options_to_json(failure), "failed.json");
  EXPECT_EQ(read.start, "a1");
  EXPECT_EQ(read.kind, ErrorKind::bad_data);
  EXPECT_EQ(read.error, "no images");
}

TEST(CellRecords, WhatIsNoneNamesItsFile) {
  using ::testing::HasSubstr;
  for (const Json& json : {Json(nullptr), Json::array(), Json("text"), Json{{"steps", "12"}},
                           Json{{"steps", 1e300}}}) {
    EXPECT_THAT(testing::bad_data_message([&] { cell_result_of(json, "result.json"); }),
                HasSubstr("result.json"));
    EXPECT_THAT(testing::bad_data_message([&] { trained_cell_of(json, "trained.json"); }),
                HasSubstr("trained.json"));
  }
  for (const Json& json : {Json(nullptr), Json::array(), Json{{"kind", "sad"}}}) {
    EXPECT_THAT(testing::bad_data_message([&] { cell_failure_of(json, "failed.json"); }),
                HasSubstr("failed.json"));
  }
  const Json rules = {{"volume", true}};
  for (const Json& json : {Json(nullptr), Json::array(), Json{{"evaluate", 3}},
                           Json{{"evaluate", rules}, {"scores", {{"iou", "high"}}}}}) {
    EXPECT_THAT(testing::bad_data_message([&] { step_scores_of(json, rules, "step.json"); }),
                HasSubstr("step.json"));
  }
}

}  // namespace
}  // namespace retina::pipeline
