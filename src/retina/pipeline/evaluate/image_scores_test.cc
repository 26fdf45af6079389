#include "retina/pipeline/evaluate/image_scores.h"

#include <algorithm>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/testing/stopping_context.h"

namespace retina::pipeline {
namespace {

using core::Array;
using core::DType;

/// One row of labels as a volume of one voxel in z and y.
std::unique_ptr<core::Volume> row_volume(std::initializer_list<int> labels,
                                         std::optional<core::Vec3d> voxel_nm = std::nullopt) {
  Array array(DType::u8, 1, {1, 1, static_cast<std::int64_t>(labels.size())});
  std::transform(labels.begin(), labels.end(), array.values<std::uint8_t>().begin(),
                 [](int label) { return static_cast<std::uint8_t>(label); });
  return core::in_memory(std::move(array), voxel_nm);
}

ScoringRules rules_for_class_one() {
  return {.classes = {{1, "clefts"}}, .max_ram = 1 << 20};
}

ClassScores score_rows(const core::Volume& prediction, const core::Volume& truth,
                       const ScoringRules& rules,
                       const core::Context& context = core::silent_context()) {
  metric::Confusion confusion;
  confusion.add(prediction.read(core::whole(prediction.shape())),
                truth.read(core::whole(truth.shape())));
  std::vector<std::string> notes;
  return score_image({"row", prediction, truth, confusion}, rules, notes, context).classes.at(0);
}

TEST(ImageScores, IgnoredVoxelsAreInNoScore) {
  const auto truth = row_volume({1, 0, 9, 9, 9, 9});
  ScoringRules rules = rules_for_class_one();
  rules.ignore_value = 9;
  rules.cremi_threshold_nm = 200;
  const auto clean = score_rows(*row_volume({1, 1, 0, 0, 0, 0}), *truth, rules);
  const auto noisy = score_rows(*row_volume({1, 1, 0, 1, 0, 1}), *truth, rules);
  EXPECT_EQ(noisy.counts.fp, clean.counts.fp);
  EXPECT_EQ(noisy.mfd.value, clean.mfd.value);
  EXPECT_EQ(noisy.cremi->score.value, clean.cremi->score.value);
  EXPECT_DOUBLE_EQ(clean.iou.value.value(), 0.5);
}

TEST(ImageScores, NothingIsScoredWhereNothingIsKnown) {
  ScoringRules rules = rules_for_class_one();
  rules.ignore_value = 9;
  const auto scores = score_rows(*row_volume({1, 0, 0}), *row_volume({9, 9, 9}), rules);
  EXPECT_FALSE(scores.iou.value);
  EXPECT_FALSE(scores.f.value);
  EXPECT_FALSE(scores.iou.reason.empty());
}

TEST(ImageScores, DistancesAreInPixelsAndInNanometresWhereTheVoxelSizeIsKnown) {
  const auto scores =
      score_rows(*row_volume({0, 0, 0, 1}), *row_volume({1, 0, 0, 0}, core::Vec3d{40, 4, 5}),
                 rules_for_class_one());
  EXPECT_DOUBLE_EQ(scores.mfd.value.value(), 3);
  EXPECT_DOUBLE_EQ(scores.mfd_nm.value.value(), 15);
}

TEST(ImageScores, OfAnEmptyPredictionAreUndefinedWithTheReason) {
  const auto scores =
      score_rows(*row_volume({0, 0, 0}), *row_volume({1, 1, 0}), rules_for_class_one());
  EXPECT_EQ(scores.iou.value, 0.0);
  EXPECT_FALSE(scores.precision.value);
  EXPECT_EQ(scores.precision.reason, "nothing was predicted");
  EXPECT_EQ(scores.mfd.reason, "nothing was predicted");
  EXPECT_EQ(scores.recall.value, 0.0);
}

TEST(ImageScores, MaskedPredictionsCountOnlyWhereTheTruthIsLabelled) {
  ScoringRules rules = rules_for_class_one();
  const auto prediction = row_volume({1, 1, 1, 1, 0});
  const auto truth = row_volume({1, 2, 0, 0, 0});
  EXPECT_EQ(score_rows(*prediction, *truth, rules).counts.fp, 3);
  rules.mask_prediction = true;
  const auto masked = score_rows(*prediction, *truth, rules);
  EXPECT_EQ(masked.counts.fp, 1);
  EXPECT_DOUBLE_EQ(masked.mfd.value.value(), 0.25);
}

TEST(ImageScores, InstanceMatchingDropsObjectsThatTouchNoTrueOne) {
  ScoringRules rules = rules_for_class_one();
  rules.instance_match = true;
  const auto scores = score_rows(*row_volume({1, 1, 0, 1, 1}), *row_volume({0, 1, 0, 0, 0}), rules);
  EXPECT_EQ(scores.counts.tp, 1);
  EXPECT_EQ(scores.counts.fp, 1);
}

TEST(ImageScores, DistancesThatDoNotFitTheMemoryAreUndefinedWithThatReason) {
  ScoringRules rules = rules_for_class_one();
  rules.max_ram = 50;
  const auto scores = score_rows(*row_volume({1, 1, 0}), *row_volume({1, 1, 0}), rules);
  EXPECT_THAT(scores.mfd.reason, ::testing::HasSubstr("--distance-halo"));
  EXPECT_EQ(scores.iou.value, 1.0);
}

TEST(ImageScores, DistancesByBlocksEqualThoseOfTheWhole) {
  core::Array prediction(DType::u8, 1, {1, 1, 200});
  core::Array truth(DType::u8, 1, {1, 1, 200});
  for (std::int64_t x = 0; x < 200; ++x) {
    prediction.at<std::uint8_t>(0, 0, 0, x) = x % 7 < 3 ? 1 : 0;
    truth.at<std::uint8_t>(0, 0, 0, x) = x % 11 < 4 ? 1 : 0;
  }
  const auto predicted = core::in_memory(prediction, core::Vec3d{40, 4, 4});
  const auto actual = core::in_memory(truth, core::Vec3d{40, 4, 4});
  ScoringRules rules = rules_for_class_one();
  rules.cremi_threshold_nm = 8;
  const auto whole = score_rows(*predicted, *actual, rules);
  rules.max_ram = 4 * 32 * 40;
  rules.distance_halo = 8;
  const auto blocks = score_rows(*predicted, *actual, rules);
  EXPECT_DOUBLE_EQ(blocks.mfd.value.value(), whole.mfd.value.value());
  EXPECT_DOUBLE_EQ(blocks.mfd_nm.value.value(), whole.mfd_nm.value.value());
  EXPECT_DOUBLE_EQ(blocks.cremi->score.value.value(), whole.cremi->score.value.value());
  EXPECT_EQ(blocks.cremi->false_positives.value, whole.cremi->false_positives.value);
  rules.distance_halo = 1;
  const auto short_sighted = score_rows(*predicted, *actual, rules);
  EXPECT_FALSE(short_sighted.mfd.value);
  EXPECT_THAT(short_sighted.mfd.reason, ::testing::HasSubstr("--scratch"));
}

TEST(ImageScores, OfOneSamplingAreMeasuredByBlocksOnce) {
  int jobs = 0;
  const core::Context context = testing::stopping_context([&](const testing::Reported& report) {
    jobs += report.what == testing::Reported::What::begin && report.job == "distances" ? 1 : 0;
    return false;
  });
  ScoringRules rules = rules_for_class_one();
  rules.cremi_threshold_nm = 8;
  rules.max_ram = 4 * 16 * 55;  // the whole would need 5800 bytes
  rules.distance_halo = 8;
  core::Array labels(DType::u8, 1, {1, 1, 200});
  labels.at<std::uint8_t>(0, 0, 0, 100) = 1;
  for (const core::Vec3d voxel_nm : {core::Vec3d{40, 4, 4}, core::Vec3d{5, 5, 5}}) {
    jobs = 0;
    const auto volume = core::in_memory(labels, voxel_nm);
    const auto scores = score_rows(*volume, *volume, rules, context);
    EXPECT_EQ(scores.mfd_nm.value, 0.0);
    EXPECT_EQ(scores.cremi->score.value, 0.0);
    EXPECT_EQ(jobs, 2) << core::to_string(voxel_nm);  // in voxels and in nanometres
  }
}

TEST(ImageScores, OfCubicVoxelsAreTheSameInPixelsAndNanometres) {
  const auto scores =
      score_rows(*row_volume({0, 0, 0, 1}), *row_volume({1, 0, 0, 0}, core::Vec3d{5, 5, 5}),
                 rules_for_class_one());
  EXPECT_DOUBLE_EQ(scores.mfd.value.value(), 3);
  EXPECT_DOUBLE_EQ(scores.mfd_nm.value.value(), 15);
}

TEST(ImageScores, AStopIsHeardWhileAWholeImageIsScored) {
  const core::Context context =
      testing::stopping_context([](const testing::Reported&) { return true; });
  context.progress->begin("scoring", 1, "images");
  const auto labels = row_volume({1, 1, 0});
  try {
    score_rows(*labels, *labels, rules_for_class_one(), context);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
}

TEST(ImageScores, InstanceMatchingBySlabsEqualsThatOfTheWhole) {
  core::Array prediction(DType::u8, 1, {40, 12, 30});
  core::Array truth(DType::u8, 1, prediction.shape());
  for (std::int64_t z = 0; z < 40; ++z) {
    for (std::int64_t x = 0; x < 30; ++x) {
      prediction.at<std::uint8_t>(0, z, 5, x) = x % 7 < 3 ? 1 : 0;  // walls along z
      prediction.at<std::uint8_t>(0, z, 11, x) = z % 5 < 2 && x % 3 < 2 ? 1 : 0;
      truth.at<std::uint8_t>(0, z, 5, x) = x % 14 < 2 && z > 35 ? 1 : 0;
      truth.at<std::uint8_t>(0, z, 9, x) = z == 3 ? 9 : 0;
    }
  }
  prediction.at<std::uint8_t>(0, 3, 9, 4) = 1;
  const auto predicted = core::in_memory(prediction);
  const auto actual = core::in_memory(truth);
  ScoringRules rules = rules_for_class_one();
  rules.instance_match = true;
  rules.ignore_value = 9;
  const auto whole = score_rows(*predicted, *actual, rules);
  ASSERT_EQ(whole.counts.tp + whole.counts.fp, (3 + 3 + 2) * 40);  // three of five walls
  rules.max_ram = 400000;  // the whole would need 417,600 bytes
  const auto slabs = score_rows(*predicted, *actual, rules);
  EXPECT_EQ(slabs.counts.tp, whole.counts.tp);
  EXPECT_EQ(slabs.counts.fp, whole.counts.fp);
  EXPECT_EQ(slabs.counts.fn, whole.counts.fn);
  EXPECT_DOUBLE_EQ(slabs.mfd.value.value(), whole.mfd.value.value()) << slabs.mfd.reason;
}

TEST(ImageScores, MoreObjectsToMatchThanTheMemoryHoldsAreAnError) {
  ScoringRules rules = rules_for_class_one();
  rules.instance_match = true;
  rules.max_ram = 20;
  const auto labels = row_volume({1, 1, 0});
  try {
    score_rows(*labels, *labels, rules);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
  }
}

}  // namespace
}  // namespace retina::pipeline
