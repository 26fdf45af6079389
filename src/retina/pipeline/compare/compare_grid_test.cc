#include "retina/pipeline/compare/compare_grid.h"

#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/pipeline/compare/compare_cell.h"
#include "retina/pipeline/compare/compare_test_data.h"
#include "retina/testing/heard.h"
#include "retina/testing/temp_folder.h"

namespace retina::pipeline {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<Cell> toy_cells(const Json& grid) {
  return expand_grid(core::options_from_json<CompareOptions>(grid), core::silent_context());
}

std::string usage_of(const Json& grid) {
  try {
    toy_cells(grid);
    return "accepted";
  } catch (const Error& error) {
    return error.what();
  }
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
  EXPECT_THAT(changed("/datasets/0/confg", 1), HasSubstr("did you mean 'config'"));
  EXPECT_THAT(changed("/finetune/stepps", 1), HasSubstr("did you mean 'steps'"));
  EXPECT_THAT(changed("/finetune/seed", 1), HasSubstr("the grid sets it"));
  EXPECT_THAT(changed("/inits/1/name", "random"), HasSubstr("twice"));
  EXPECT_THAT(changed("/inits/1/name", "a/b"), HasSubstr("letters, digits"));
  EXPECT_THAT(changed("/inits/1/model", "nowhere"), HasSubstr("dataset toy, init pretrained"));
  EXPECT_THAT(changed("/seeds", {1, 4, 4}), HasSubstr("seeds: 4 twice, expected different seeds"));
  EXPECT_THAT(changed("/curves", Json::array({"ioo"})),
              AllOf(HasSubstr("curves: 'ioo', expected one of iou, f, precision, "),
                    HasSubstr("; did you mean 'iou'?")));
  EXPECT_THAT(changed("/inits/0/transfer", "all"), HasSubstr("init random.transfer: all"));
  EXPECT_EQ(changed("/inits/0/transfer", "none"), "accepted");
  EXPECT_THAT(changed("/datasets/0/evaluate", Json{{"max_ram", "lots"}}),
              AllOf(HasSubstr("dataset toy.evaluate: "), HasSubstr("'lots'")));
  EXPECT_THAT(
      changed("/datasets/0/evaluate", Json{{"classes", Json::array({"1", "mitochondria"})}}),
      HasSubstr("dataset toy.evaluate: "));
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

TEST(CompareGrid, ADatasetMayNameAConfigurationFile) {
  const Json dataset{{"name", "a"}, {"config", "a.yaml"}};
  const Json grid = resolve_compare({{"datasets", Json::array({dataset})}},
                                    [](const std::filesystem::path& path) {
                                      return Json{{"read", path.string()}};
                                    });
  EXPECT_EQ(grid["datasets"][0]["config"]["read"], "a.yaml");
  try {
    resolve_compare({{"datasets", Json::array({dataset})}},
                    [](const std::filesystem::path& path) -> Json {
                      throw Error(ErrorKind::bad_data, path.string() + " cannot be read");
                    });
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), std::string("dataset a: a.yaml cannot be read"));
  }
}

TEST(CompareGrid, SharesOfTheCellsAreDisjoint) {
  const CellShare share = parse_share("2/3");
  EXPECT_FALSE(share.holds(0));
  EXPECT_TRUE(share.holds(1));
  EXPECT_TRUE(share.holds(4));
  EXPECT_TRUE(parse_share("").holds(17));
  for (const char* text : {"0/3", "4/3", "2", "/", "a/b", "1/3x"}) {
    EXPECT_THROW(parse_share(text), Error) << text;
  }
}

TEST(CompareGrid, AChangedConfigurationMakesACellStale) {
  const testing::TempFolder folder;
  Json grid = toy_grid(folder.path());
  const auto first = [&] { return toy_cells(grid).at(1); };
  EXPECT_EQ(status_of(first()).state, CellState::missing);
  std::filesystem::create_directories(first().folder);
  Json identity = first().identity();
  identity["finetune"].erase("patience");  // of an earlier version that did not know it
  const auto write = [](const std::filesystem::path& path, const Json& json) {
    core::write_atomically(path, std::string_view(core::dump_json(json)));
  };
  write(first().identity_file(), identity);
  EXPECT_EQ(status_of(first()).state, CellState::partly);
  write(first().result_file(), {{"evaluate", core::options_to_json(first().evaluate)}});
  EXPECT_EQ(status_of(first()).state, CellState::finished);

  grid["device"] = "auto";
  grid["threads"] = 2;
  EXPECT_EQ(status_of(first()).state, CellState::finished) << "where it runs does not matter";
  grid["datasets"][0]["group"] = "toys";
  EXPECT_EQ(first().group, "toys");
  EXPECT_EQ(status_of(first()).state, CellState::finished) << "nor do the rows of the tables";
  Json scored = core::options_to_json(first().evaluate);
  scored["max_ram"] = "4GiB";  // the default of earlier versions
  write(first().result_file(), {{"evaluate", scored}});
  EXPECT_EQ(status_of(first()).state, CellState::finished);
  grid["datasets"][0]["evaluate"] = {{"max_ram", "4GiB"}};
  EXPECT_EQ(status_of(first()).state, CellState::finished) << "given, and stored so";
  grid["datasets"][0]["evaluate"] = {{"instance_match", true}};
  EXPECT_EQ(status_of(first()).state, CellState::partly) << "to be scored again";
  grid["finetune"]["optimizer"] = {{"learning_rate", 0.5}};
  const CellStatus stale = status_of(first());
  EXPECT_EQ(stale.state, CellState::stale);
  EXPECT_THAT(stale.changes, ElementsAre("optimizer.learning_rate: 0.002, now 0.5"));
}

TEST(CompareGrid, AFileThatCannotBeReadMakesACellDamaged) {
  const testing::TempFolder folder;
  const Cell cell = toy_cells(toy_grid(folder.path())).at(0);
  std::filesystem::create_directories(cell.folder);
  core::write_atomically(cell.identity_file(), std::string_view(core::dump_json(cell.identity())));
  const Json evaluate = core::options_to_json(cell.evaluate);
  for (const std::string& text : {std::string(R"({"evaluate": )"), std::string("[]"), std::string(),
                                  core::dump_json({{"evaluate", evaluate}, {"scores", 3}})}) {
    core::write_atomically(cell.result_file(), std::string_view(text));
    const CellStatus status = status_of(cell);
    EXPECT_EQ(status.state, CellState::damaged) << text;
    EXPECT_EQ(status.damaged_file, cell.result_file()) << text;
    EXPECT_THAT(status.what_is_wrong, HasSubstr("result.json")) << text;
  }
  for (const char* text : {"{", "[]"}) {
    core::write_atomically(cell.identity_file(), std::string_view(text));
    EXPECT_EQ(status_of(cell).damaged_file, cell.identity_file()) << text;
  }
}

TEST(CompareGrid, ANoteOfAFailureMakesACellFailed) {
  const testing::TempFolder folder;
  const Cell cell = toy_cells(toy_grid(folder.path())).at(0);
  std::filesystem::create_directories(cell.folder);
  core::write_atomically(cell.identity_file(), std::string_view(core::dump_json(cell.identity())));
  const Json note = core::options_to_json(
      CellFailure{.start = "a1", .kind = ErrorKind::bad_data, .error = "no images"});
  core::write_atomically(cell.failure_file(), std::string_view(core::dump_json(note)));
  EXPECT_EQ(status_of(cell).state, CellState::failed);
  EXPECT_EQ(status_of(cell).what_is_wrong, "no images");
  core::write_atomically(cell.failure_file(), std::string_view("{"));
  EXPECT_EQ(status_of(cell).state, CellState::partly);
}

TEST(CompareGrid, OtherWeightsUnderTheSameNameMakeACellStale) {
  const testing::TempFolder folder;
  const Json grid = toy_grid(folder.path());
  Cell cell = toy_cells(grid).at(1);
  std::filesystem::create_directories(cell.folder);
  core::write_atomically(cell.identity_file(), std::string_view(core::dump_json(cell.identity())));
  cell.weights = "others";
  EXPECT_THAT(status_of(cell).changes, ElementsAre(HasSubstr("now \"others\"")));
}

}  // namespace
}  // namespace retina::pipeline
