#include "retina/pipeline/compare/compare_options.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/options.h"
#include "retina/pipeline/compare/compare_test_data.h"

namespace retina::pipeline {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// A grid with nothing wrong in it, as far as it is known without its data.
Json faultless_grid() {
  const Json dataset{{"name", "toy"}};
  const Json random{{"name", "random"}};
  const Json pretrained{{"name", "pretrained"}, {"model", "weights.safetensors"}};
  return {{"output", "out"},
          {"datasets", Json::array({dataset})},
          {"inits", Json::array({random, pretrained})}};
}

std::string fault_of(const Json& grid) {
  return refusal_of([&] { core::options_from_json<CompareOptions>(grid); }).text;
}

/// The same of the faultless grid with another value at a place.
std::string fault_with(const char* pointer, const Json& value) {
  Json grid = faultless_grid();
  grid[Json::json_pointer(pointer)] = value;
  return fault_of(grid);
}

TEST(CompareOptions, SaysWhatIsWrongWithThem) {
  ASSERT_EQ(fault_of(faultless_grid()), "accepted");
  EXPECT_THAT(fault_with("/datasets/0/confg", 1), HasSubstr("did you mean 'config'"));
  EXPECT_THAT(fault_with("/finetune/seed", 1), HasSubstr("the grid sets it"));
  EXPECT_THAT(fault_with("/inits/1/name", "random"), HasSubstr("twice"));
  EXPECT_THAT(fault_with("/inits/1/name", "a/b"), HasSubstr("letters, digits"));
  EXPECT_THAT(fault_with("/seeds", {1, 4, 4}),
              HasSubstr("seeds: 4 twice, expected different seeds"));
  EXPECT_THAT(fault_with("/curves", Json::array({"ioo"})),
              AllOf(HasSubstr("curves: 'ioo', expected one of iou, f, precision, "),
                    HasSubstr("; did you mean 'iou'?")));
  EXPECT_THAT(fault_with("/inits/0/transfer", "all"), HasSubstr("init random.transfer: all"));
  EXPECT_EQ(fault_with("/inits/0/transfer", "none"), "accepted");
  EXPECT_THAT(fault_with("/datasets/0/evaluate", Json{{"max_ram", "lots"}}),
              AllOf(HasSubstr("dataset toy.evaluate: "), HasSubstr("'lots'")));
  EXPECT_THAT(
      fault_with("/datasets/0/evaluate", Json{{"classes", Json::array({"1", "mitochondria"})}}),
      HasSubstr("dataset toy.evaluate: "));
  EXPECT_THAT(fault_with("/datasets/0/evaluate", Json{{"prediction", "a.tif"}}),
              HasSubstr("neither: the held-out slices are scored"));
  EXPECT_THAT(fault_with("/datasets/0/finetune", Json{{"device", "cpu"}}),
              HasSubstr("dataset toy.finetune.device: given"));
  EXPECT_THAT(fault_with("/inits/1/finetune", Json{{"init", "a"}}),
              HasSubstr("init pretrained.finetune.init: given"));
  EXPECT_THAT(fault_with("/output", ""), HasSubstr("give -o FOLDER"));
  EXPECT_THAT(fault_with("/labels", Json::array({"all", "100%"})), HasSubstr("labels: all twice"));
  EXPECT_THAT(fault_with("/checkpoints", Json::array({0})), HasSubstr("checkpoints: 0"));
  EXPECT_THAT(fault_with("/threads", -1), HasSubstr("threads: -1"));
  EXPECT_THAT(fault_with("/jobs", -1), HasSubstr("jobs: -1"));
  for (const char* list : {"/datasets", "/inits", "/seeds", "/labels"}) {
    EXPECT_THAT(fault_with(list, Json::array()), HasSubstr(std::string(list + 1) + ": none"));
  }
}

TEST(CompareOptions, AllProblemsAreToldAtOnce) {
  Json grid = faultless_grid();
  grid["output"] = "";
  grid["seeds"] = Json::array({3, 3});
  grid["threads"] = -1;
  EXPECT_THAT(fault_of(grid),
              AllOf(HasSubstr("the configuration has problems (3):"), HasSubstr("output: nothing"),
                    HasSubstr("seeds: 3 twice"), HasSubstr("threads: -1")));
}

LabelAmount amount_of(const Json& json) {
  LabelAmount amount;
  core::JsonBinding<LabelAmount>::read(amount, json, "labels[0]");
  return amount;
}

TEST(CompareOptions, AmountsOfLabelsAreCountsOrShares) {
  for (const Json& json : {Json(3), Json("25%"), Json("all")}) {
    EXPECT_EQ(core::JsonBinding<LabelAmount>::write(amount_of(json)), json);
  }
  EXPECT_TRUE(amount_of("100%").is_all());
  EXPECT_EQ(amount_of(5).of(3), 5) << "whether there are so many is not asked";
  EXPECT_EQ(amount_of("25%").of(12), 3);
  EXPECT_EQ(amount_of("50%").of(3), 2);
  EXPECT_EQ(amount_of("1%").of(3), 1) << "one at least";
  for (const Json& json :
       {Json(0), Json(-1), Json(2.5), Json(true), Json("3"), Json("0%"), Json("101%"), Json("%"),
        Json("25%%"), Json("2.5%"), Json("half"), Json("")}) {
    const Refusal refusal = refusal_of([&] { amount_of(json); });
    EXPECT_EQ(refusal.kind, ErrorKind::usage) << json;
    EXPECT_THAT(refusal.text, HasSubstr("labels[0]")) << json;
  }
}

TEST(CompareOptions, ADatasetMayNameAConfigurationFile) {
  const Json dataset{{"name", "a"}, {"config", "a.yaml"}};
  const Json grid = resolve_compare({{"datasets", Json::array({dataset})}},
                                    [](const std::filesystem::path& path) {
                                      return Json{{"read", path.string()}};
                                    });
  EXPECT_EQ(grid["datasets"][0]["config"]["read"], "a.yaml");
  const auto unreadable = [](const std::filesystem::path& path) -> Json {
    throw Error(ErrorKind::bad_data, path.string() + " cannot be read");
  };
  const auto refused = [&](const Json& one) {
    return refusal_of([&] { resolve_compare({{"datasets", Json::array({one})}}, unreadable); });
  };
  EXPECT_EQ(refused(dataset).kind, ErrorKind::bad_data);
  EXPECT_EQ(refused(dataset).text, "dataset a: a.yaml cannot be read");
  EXPECT_EQ(refused(Json{{"config", "a.yaml"}}).text, "datasets: a.yaml cannot be read");
  EXPECT_EQ(refused(grid["datasets"][0]).text, "accepted") << "its content is there";
}

TEST(CompareOptions, SharesOfTheCellsAreDisjoint) {
  const CellShare share = parse_share("2/3");
  EXPECT_FALSE(share.holds(0));
  EXPECT_TRUE(share.holds(1));
  EXPECT_TRUE(share.holds(4));
  EXPECT_TRUE(parse_share("").holds(17));
  for (const char* text : {"0/3", "4/3", "2", "/", "a/b", "1/3x"}) {
    EXPECT_THROW(parse_share(text), Error) << text;
  }
}

}  // namespace
}  // namespace retina::pipeline
