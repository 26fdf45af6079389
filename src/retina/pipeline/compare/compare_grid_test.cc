#include "retina/pipeline/compare/compare_grid.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/options.h"
#include "retina/pipeline/compare/compare_test_data.h"
#include "retina/testing/heard.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

/// What is wrong with a grid.
std::string usage_of(const Json& grid) {
  return refusal_of([&] { toy_cells(grid); }).text;
}

TEST(CompareGrid, CellsAreTheProductInOrder) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["seeds"] = {7, 8};
  const std::vector<Cell> cells = toy_cells(grid);
  ASSERT_EQ(cells.size(), 8U);  // 1 dataset x 2 amounts x 2 seeds x 2 initialisations
  EXPECT_EQ(cells[0].name(), "toy, 1 labelled, random, seed 7");
  EXPECT_EQ(cells[1].name(), "toy, 1 labelled, pretrained, seed 7");
  EXPECT_EQ(cells[6].name(), "toy, all labelled, random, seed 8");
  EXPECT_EQ(cells[0].folder, folder / "out/cells/toy/1/random/seed7");
  EXPECT_EQ(cells[0].finetune.data.slices, "0:1");
  EXPECT_EQ(cells[6].finetune.data.slices, "");
  EXPECT_EQ(cells[6].finetune.seed, 8U);
  EXPECT_EQ(cells[0].finetune.steps, 2);
  EXPECT_EQ(cells[0].finetune.validation.choose, ChosenWeights::last);
  EXPECT_THAT(cells[0].finetune.validation.at, ElementsAre(1));
  EXPECT_TRUE(cells[0].weights.empty());
  EXPECT_FALSE(cells[1].weights.empty());
  EXPECT_EQ(cells[1].finetune.transfer, net::TransferScope::transformer);
  EXPECT_THAT(cells[0].evaluate.classes, ElementsAre("square"));
}

TEST(CompareGrid, TheNearerOptionsLieOverTheFartherOnes) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["datasets"][0]["config"]["batch"] = 5;
  EXPECT_EQ(toy_cells(grid)[0].finetune.batch, 5);
  grid["finetune"]["batch"] = 4;
  EXPECT_EQ(toy_cells(grid)[0].finetune.batch, 4);
  grid["datasets"][0]["finetune"]["batch"] = 3;
  grid["inits"][1]["finetune"]["batch"] = 2;
  EXPECT_EQ(toy_cells(grid)[0].finetune.batch, 3);
  EXPECT_EQ(toy_cells(grid)[1].finetune.batch, 2);
}

TEST(CompareGrid, LabelsAreCountsAndShares) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {2, "50%", "1%"};
  grid["datasets"][0]["finetune"] = {{"data", {{"slices", "1:3"}}}};
  const std::vector<Cell> cells = toy_cells(grid);
  EXPECT_EQ(cells[0].finetune.data.slices, "1:3");
  EXPECT_EQ(cells[2].finetune.data.slices, "1:2");
  EXPECT_EQ(cells[4].finetune.data.slices, "1:2");
  EXPECT_EQ(cells[2].labels, "50%");
  grid["labels"] = {3};
  EXPECT_THAT(usage_of(grid), HasSubstr("at most 2"));
  grid["labels"] = {"half"};
  EXPECT_THAT(usage_of(grid), HasSubstr("labels[0]"));
}

TEST(CompareGrid, SaysWhatIsWrongWithIt) {
  const testing::TempFolder folder;
  const Json good = toy_grid(folder.path());
  const auto changed = [&](const char* pointer, const Json& value) {
    Json grid = good;
    grid[Json::json_pointer(pointer)] = value;
    return usage_of(grid);
  };
  EXPECT_THAT(changed("/finetune/stepps", 1), HasSubstr("did you mean 'steps'"));
  EXPECT_THAT(changed("/inits/1/model", "nowhere"), HasSubstr("dataset toy, init pretrained"));
  EXPECT_THAT(changed("/datasets/0/config/validation", Json::object()),
              HasSubstr("no held-out images"));
  EXPECT_THAT(changed("/finetune/tune_threshold", true),
              AllOf(HasSubstr("tune_threshold"), HasSubstr("the threshold 0.5"),
                    HasSubstr("leave it out")));
  const Json more = Json::array({good["datasets"][0]["config"]["data"]});
  EXPECT_THAT(changed("/finetune/more_data", more), HasSubstr("more_data: it is set"));
}

TEST(CompareGrid, PatternsOfFrozenTensorsThatFitNoneAreRefused) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["inits"][1]["freeze"] = Json::array({"transformer.encoder", "*.bias"});
  EXPECT_EQ(usage_of(grid), "accepted");
  grid["inits"][1]["freeze"] = Json::array({"transformer.encodr"});
  EXPECT_THAT(usage_of(grid), AllOf(HasSubstr("dataset toy, init pretrained"),
                                    HasSubstr("'transformer.encodr', which no tensor's name")));
  grid["inits"][1]["freeze"] = Json::array({"none"});
  EXPECT_EQ(usage_of(grid), "accepted");
}

TEST(CompareGrid, LabelsThatAreTheSameSlicesAreWarnedOfOnce) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());  // of 3 slices
  const auto heard_of = [&] {
    const testing::Heard heard;
    expand_grid(core::options_from_json<CompareOptions>(grid), heard.context);
    return heard.text();
  };
  EXPECT_THAT(heard_of(), Not(HasSubstr("trained twice")));
  grid["labels"] = {2, "50%", "all", "99%"};
  const std::string text = heard_of();
  const std::size_t told = text.find("dataset toy: labels: 2 and 50% are both 2 of 3 slices");
  ASSERT_NE(told, std::string::npos) << text;
  EXPECT_EQ(text.find("trained twice", text.find("trained twice") + 1), std::string::npos) << text;
}

TEST(CompareGrid, OpensTheHeldOutDataOfEveryInitialisation) {
  const testing::TempFolder folder;
  const std::string nowhere = (folder / "nowhere").string();
  const Json elsewhere = {{"validation", {{"data", {{"path", nowhere}}}}}};
  Json grid = toy_grid(folder.path());
  grid["inits"][1]["finetune"] = elsewhere;
  EXPECT_THAT(usage_of(grid), AllOf(HasSubstr("dataset toy, init pretrained"), HasSubstr(nowhere)));
  grid["finetune"].update(elsewhere);
  EXPECT_THAT(usage_of(grid), AllOf(HasSubstr("dataset toy, init random"), HasSubstr(nowhere)));
}

TEST(CompareGrid, HeldOutSlicesThatAreNoVolumeAreRefused) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  for (int i = 4; i < 7; ++i) {
    const std::string name = "slice" + std::to_string(i) + ".png";
    write_toy_png(folder / "held_out/images" / name, 80, i, false);
    write_toy_png(folder / "held_out/masks" / name, 80, i, true);
  }
  EXPECT_EQ(usage_of(grid), "accepted");
  grid["datasets"][0]["evaluate"] = {{"volume", true}};
  EXPECT_THAT(usage_of(grid), AllOf(HasSubstr("dataset toy, init random"),
                                    HasSubstr("4 held-out images of one plane each"),
                                    HasSubstr("validation.data.folder: stack")));
  Json& validation = grid["datasets"][0]["config"]["validation"];
  validation["max_slices"] = 1;
  EXPECT_EQ(usage_of(grid), "accepted") << "a single slice";
  validation["max_slices"] = 0;
  validation["data"]["folder"] = "stack";
  EXPECT_EQ(usage_of(grid), "accepted");
  validation["max_slices"] = 2;
  EXPECT_THAT(usage_of(grid), HasSubstr("held-out planes that do not adjoin"));
  validation["max_slices"] = 0;
  validation["data"]["every"] = 2;
  EXPECT_THAT(usage_of(grid), AllOf(HasSubstr("held-out planes that do not adjoin"),
                                    HasSubstr("validation.data.every: 1")));
}

TEST(CompareGrid, RunsThatTheClockMayEndAreWarnedOfOnce) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  const auto heard_of = [&] {
    const testing::Heard heard;
    warn_of_clocks(toy_cells(grid), heard.context);
    return heard.text();
  };
  EXPECT_EQ(heard_of(), "");
  grid["datasets"][0]["config"]["max_seconds"] = 900;
  const std::string text = heard_of();
  const std::size_t told = text.find("dataset toy: max_seconds is 900:");
  ASSERT_NE(told, std::string::npos) << text;
  EXPECT_EQ(text.find("dataset toy", told + 1), std::string::npos) << text;
  EXPECT_THAT(text, HasSubstr("set finetune.max_seconds: 0 and finetune.steps"));
  grid["finetune"]["max_seconds"] = 0;
  EXPECT_EQ(heard_of(), "");
}

TEST(CompareGrid, LabelsAreAShareOfTheDataOfTheirInitialisation) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  grid["labels"] = {"50%"};
  grid["inits"][1]["finetune"] = {{"data", {{"slices", "0:1"}}}};
  const std::vector<Cell> cells = toy_cells(grid);
  EXPECT_EQ(cells[0].finetune.data.slices, "0:2");
  EXPECT_EQ(cells[1].finetune.data.slices, "0:1");
}

}  // namespace
}  // namespace retina::pipeline
