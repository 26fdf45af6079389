#include "retina/model/card.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::model {
namespace {

Card small_card() {
  Card card;
  card.name = "retina-tiny";
  card.network_options = {{"classes", 1}, {"window", 192}};
  card.classes = {{0, "background"}, {1, "mitochondria"}};
  card.preprocess = {.range = {10, 4000}, .mean = 0.57287007, .std = 0.12740536};
  card.voxel_nm_seen = {{5, 5, 5}, {40, 4, 4}};
  card.threshold = 0.4;
  card.provenance = {{"steps", 100}};
  card.metrics = {{"iou", 0.84}};
  card.licence = "CC-BY-4.0";
  return card;
}

std::string message_of(const Json& json) {
  try {
    card_from_json(json, "m/model.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "no error";
}

TEST(Card, SurvivesTheWayThroughJson) {
  const Json json = to_json(small_card());
  EXPECT_EQ(to_json(card_from_json(Json::parse(json.dump()), "x")), json);
  EXPECT_EQ(card_from_json(json, "x").classes, small_card().classes);
  EXPECT_EQ(card_from_json(json, "x").preprocess.mean, 0.57287007);
}

TEST(Card, RefusesUnknownKeysWithASuggestion) {
  Json json = to_json(small_card());
  json["treshold"] = 0.3;
  EXPECT_THAT(message_of(json), ::testing::AllOf(::testing::HasSubstr("m/model.json"),
                                                 ::testing::HasSubstr("treshold"),
                                                 ::testing::HasSubstr("threshold")));
}

TEST(Card, NamesEveryMissingKey) {
  Json json = to_json(small_card());
  json.erase("classes");
  json.erase("network");
  EXPECT_THAT(message_of(json),
              ::testing::AllOf(::testing::HasSubstr("classes"), ::testing::HasSubstr("network")));
}

TEST(Card, RefusesAnotherVersion) {
  Json json = to_json(small_card());
  json["version"] = 7;
  EXPECT_THAT(message_of(json), ::testing::HasSubstr("version"));
}

TEST(Card, RefusesGapsInClassIds) {
  Json json = to_json(small_card());
  json["classes"][1]["id"] = 3;
  EXPECT_THAT(message_of(json), ::testing::HasSubstr("classes[1].id"));
}

}  // namespace
}  // namespace retina::model
