#include "retina/pipeline/evaluate/evaluation_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

using ::testing::HasSubstr;

ImageScores image_with(Score iou, metric::OverlapCounts counts) {
  ClassScores scores{.id = 4, .name = "clefts", .counts = counts, .iou = std::move(iou)};
  scores.mfd = {std::nullopt, "nothing was predicted"};
  return {.name = "image", .shape = {1, 2, 3}, .classes = {scores}};
}

TEST(EvaluationReport, ClassIouIsTheMeanOfImagesAndPooledIouThatOfTheCounts) {
  const std::vector images{image_with({0.25, ""}, {.tp = 1, .fp = 3, .fn = 0}),
                           image_with({0.75, ""}, {.tp = 30, .fp = 0, .fn = 10})};
  const ClassScores scores = average_class(images, 0);
  EXPECT_DOUBLE_EQ(scores.iou.value.value(), 0.5);
  EXPECT_DOUBLE_EQ(scores.pooled_iou.value.value(), 31.0 / 44);
}

TEST(EvaluationReport, MeansLeaveOutUndefinedImagesAndSaySo) {
  const std::vector images{image_with({0.25, ""}, {.tp = 1, .fp = 3, .fn = 0}),
                           image_with({std::nullopt, "the class is in neither"}, {})};
  EXPECT_DOUBLE_EQ(average_class(images, 0).iou.value.value(), 0.25);
  EXPECT_THAT(undefined_notes(images),
              ::testing::Contains(HasSubstr("IoU of clefts: undefined in 1 of 2 images")));
}

TEST(EvaluationReport, JsonHasNullAndTheReasonForAnUndefinedScore) {
  EvaluateReport report{.mean_iou = {0.5, ""}};
  report.images = {image_with({0.5, ""}, {.tp = 2, .fp = 1, .fn = 1})};
  report.classes = {average_class(report.images, 0)};
  const Json json = to_json(report);
  EXPECT_EQ(json.at("mean_iou"), 0.5);
  const Json& scores = json.at("classes").at(0);
  for (const char* key : {"id", "name", "iou", "pooled_iou", "f", "precision", "recall", "mfd"}) {
    EXPECT_TRUE(scores.contains(key)) << key;
  }
  EXPECT_TRUE(scores.at("mfd").is_null());
  EXPECT_EQ(scores.at("reason").at("mfd"), "nothing was predicted");
  EXPECT_EQ(json.at("images").at(0).at("name"), "image");
}

TEST(EvaluationReport, TableSaysUndefinedAndWhy) {
  EvaluateReport report{.mean_iou = {0.5, ""}};
  report.images = {image_with({0.5, ""}, {.tp = 2, .fp = 1, .fn = 1})};
  report.classes = {average_class(report.images, 0)};
  report.notes = {"a note"};
  const std::string table = to_table(report);
  EXPECT_THAT(table, HasSubstr("clefts"));
  EXPECT_THAT(table, HasSubstr("undefined for clefts: MFD [px] (nothing was predicted)"));
  EXPECT_THAT(table, HasSubstr("note: a note"));
}

}  // namespace
}  // namespace retina::pipeline
