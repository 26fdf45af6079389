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
  card.postprocess = {.min_object_size = 30, .fill_holes = FillHoles::volume, .instances = 26};
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
  EXPECT_EQ(card_from_json(json, "x").postprocess, small_card().postprocess);
}

TEST(Card, TellsItsForegroundAndItsLicence) {
  Card card = small_card();
  EXPECT_EQ(foreground_names(card), std::vector<std::string>{"mitochondria"});
  EXPECT_EQ(licence_text(card), "CC-BY-4.0");
  card.classes.clear();
  card.licence.clear();
  EXPECT_TRUE(foreground_names(card).empty());
  EXPECT_EQ(licence_text(card), "not stated");
}

TEST(Card, OfAnEarlierReleaseHasNoPostprocess) {
  Json json = to_json(small_card());
  json.erase("postprocess");
  EXPECT_EQ(card_from_json(json, "x").postprocess, Postprocess{});
}

TEST(Card, RefusesAnImpossiblePostprocess) {
  Json json = to_json(small_card());
  json["postprocess"]["instances"] = 5;
  EXPECT_THAT(message_of(json), ::testing::HasSubstr("instances"));
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
