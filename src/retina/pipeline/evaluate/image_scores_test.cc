#include "retina/pipeline/evaluate/image_scores.h"

#include <algorithm>
#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"

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

/// Walls along z and dots: labels 1 and 2, and 9 where nothing is known.
struct MatchedVolumes {
  core::Array prediction{DType::u8, 1, {40, 12, 30}};
  core::Array truth{DType::u8, 1, {40, 12, 30}};

  MatchedVolumes() {
    for (std::int64_t z = 0; z < 40; ++z) {
      for (std::int64_t x = 0; x < 30; ++x) {
        prediction.at<std::uint8_t>(0, z, 5, x) = x % 7 < 3 ? 1 : 0;
        prediction.at<std::uint8_t>(0, z, 8, x) = x % 9 < 2 ? 2 : 0;
        prediction.at<std::uint8_t>(0, z, 11, x) = z % 5 < 2 && x % 3 < 2 ? 1 : 0;
        truth.at<std::uint8_t>(0, z, 5, x) = x % 14 < 2 && z > 35 ? 1 : 0;
        truth.at<std::uint8_t>(0, z, 8, x) = x == 9 && z == 20 ? 2 : 0;
        truth.at<std::uint8_t>(0, z, 9, x) = z == 3 ? 9 : 0;
      }
    }
    prediction.at<std::uint8_t>(0, 3, 9, 4) = 1;
  }
};

ImageScores score_volumes(const MatchedVolumes& volumes, const ScoringRules& rules,
                          std::vector<std::string>& notes) {
  metric::Confusion confusion;
  confusion.add(volumes.prediction, volumes.truth);
  const auto predicted = core::in_memory(volumes.prediction, core::Vec3d{5, 4, 4});
  const auto actual = core::in_memory(volumes.truth, core::Vec3d{5, 4, 4});
  return score_image({"volume", *predicted, *actual, confusion}, rules, notes,
                     core::silent_context());
}

void expect_equal(const Score& found, const Score& expected, const char* what) {
  ASSERT_EQ(found.value.has_value(), expected.value.has_value()) << what << found.reason;
  if (expected.value) {
    EXPECT_DOUBLE_EQ(*found.value, *expected.value) << what;
  }
}

void expect_equal(const ClassScores& found, const ClassScores& expected) {
  EXPECT_EQ(found.counts.tp, expected.counts.tp);
  EXPECT_EQ(found.counts.fp, expected.counts.fp);
  EXPECT_EQ(found.counts.fn, expected.counts.fn);
  expect_equal(found.iou, expected.iou, "iou");
  expect_equal(found.mfd, expected.mfd, "mfd");
  expect_equal(found.mfd_nm, expected.mfd_nm, "mfd_nm");
  ASSERT_EQ(found.cremi.has_value(), expected.cremi.has_value());
  if (expected.cremi) {
    expect_equal(found.cremi->score, expected.cremi->score, "cremi");
  }
}

TEST(ImageScores, InstanceMatchingByBlocksEqualsThatOfTheWhole) {
  const testing::TempFolder scratch;
  const MatchedVolumes volumes;
  ScoringRules rules{.classes = {{1, "walls"}, {2, "others"}}, .instance_match = true};
  for (const int variant : {0, 1, 2, 3, 4, 5}) {
    rules.ignore_value =
        variant == 1 || variant == 3 ? std::optional<std::int64_t>(9) : std::nullopt;
    rules.mask_prediction = variant == 2 || variant == 3;
    rules.cremi_threshold_nm = variant > 2 ? std::optional(200.0) : std::nullopt;
    rules.distances = variant != 4;
    rules.scratch = variant == 5 ? scratch.path().string() : "";
    rules.max_ram = 1 << 30;
    std::vector<std::string> notes;
    const ImageScores whole = score_volumes(volumes, rules, notes);
    rules.max_ram = 400000;  // the whole would need 417,600 bytes
    const ImageScores blocks = score_volumes(volumes, rules, notes);
    for (const std::size_t i : {0U, 1U}) {
      SCOPED_TRACE(::testing::Message() << "variant " << variant << ", class " << i);
      EXPECT_GT(whole.classes[i].counts.tp, 0);
      expect_equal(blocks.classes[i], whole.classes[i]);
    }
  }
}

TEST(ImageScores, InstanceMatchingByBlocksReadsMasksAndTellsOfATruthWithoutBackground) {
  MatchedVolumes volumes;
  for (std::uint8_t& value : volumes.prediction.values<std::uint8_t>()) {
    value = value == 1 ? 255 : 0;
  }
  for (std::uint8_t& value : volumes.truth.values<std::uint8_t>()) {
    value = 255;
  }
  ScoringRules rules = rules_for_class_one();
  rules.instance_match = true;
  rules.prediction = rules.truth = MaskReading::zero_or_255;
  for (const std::int64_t max_ram : {1 << 30, 400000}) {
    rules.max_ram = max_ram;
    std::vector<std::string> notes;
    EXPECT_EQ(score_volumes(volumes, rules, notes).classes[0].counts.tp, 0);
    EXPECT_THAT(notes, ::testing::ElementsAre(::testing::HasSubstr("no background")));
  }
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
    EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("row, clefts"),
                                               ::testing::HasSubstr("--max-ram")));
  }
}

}  // namespace
}  // namespace retina::pipeline
