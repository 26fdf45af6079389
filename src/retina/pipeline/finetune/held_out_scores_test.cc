#include "retina/pipeline/finetune/held_out_scores.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::pipeline {
namespace {

constexpr std::int64_t kRows = 4;

/// A plane of 4 x 8 with `value` in the columns from `first` to before `last`.
core::Array plane_with_columns(std::int64_t first, std::int64_t last, std::uint8_t value = 1) {
  core::Array plane(core::DType::u8, 1, {1, kRows, 8});
  for (std::int64_t y = 0; y < kRows; ++y) {
    for (std::int64_t x = first; x < last; ++x) {
      plane.at<std::uint8_t>(0, 0, y, x) = value;
    }
  }
  return plane;
}

PredictedSlice slice_at(std::int64_t z, core::Array truth, core::Array prediction) {
  return {.slice = {.volume = 0, .axis = 0, .index = z},
          .voxel_nm = core::Vec3d{40, 4, 4},
          .name = "z" + std::to_string(z),
          .truth = std::move(truth),
          .prediction = std::move(prediction)};
}

std::map<std::string, double> scored(const std::vector<PredictedSlice>& slices,
                                     EvaluateOptions options) {
  options.classes = {"square"};
  return score_slices(slices, std::move(options), core::silent_context()).means;
}

TEST(HeldOutScores, SlicesAreImagesOrOneVolume) {
  const std::vector<PredictedSlice> slices{
      slice_at(0, plane_with_columns(0, 4), plane_with_columns(0, 2)),
      slice_at(1, plane_with_columns(0, 1), plane_with_columns(0, 1))};
  const auto images = scored(slices, {});
  EXPECT_NEAR(images.at("iou"), 0.75, 1e-5);
  EXPECT_NEAR(images.at("recall"), 0.75, 1e-5);
  EXPECT_NEAR(images.at("precision"), 1, 1e-5);
  EXPECT_TRUE(images.contains("f"));
  EXPECT_TRUE(images.contains("mfd"));
  const auto volume = scored(slices, {.volume = true, .cremi = true});
  EXPECT_NEAR(volume.at("iou"), 3.0 / 5, 1e-12);
  EXPECT_TRUE(volume.contains("cremi"));
}

TEST(HeldOutScores, PlanesWithGapsAreNoVolume) {
  std::vector<PredictedSlice> slices{
      slice_at(0, plane_with_columns(0, 4), plane_with_columns(0, 2)),
      slice_at(2, plane_with_columns(0, 1), plane_with_columns(0, 1))};
  try {
    scored(slices, {.volume = true, .cremi = true});
    FAIL() << "scored";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("z0, then z2"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("validation.max_slices"));
  }
  EXPECT_NEAR(scored(slices, {}).at("iou"), 0.75, 1e-5) << "as images";
  slices[1].slice.volume = 1;
  EXPECT_NEAR(scored(slices, {.volume = true}).at("iou"), 0.75, 1e-5) << "of two volumes";
}

TEST(HeldOutScores, FollowTheOptionsOfEvaluate) {
  core::Array prediction = plane_with_columns(0, 2);
  core::Array far = plane_with_columns(6, 8);
  std::transform(prediction.values<std::uint8_t>().begin(), prediction.values<std::uint8_t>().end(),
                 far.values<std::uint8_t>().begin(), prediction.values<std::uint8_t>().begin(),
                 [](std::uint8_t a, std::uint8_t b) { return std::max(a, b); });
  const std::vector<PredictedSlice> slices{
      slice_at(0, plane_with_columns(0, 2), std::move(prediction))};
  EXPECT_NEAR(scored(slices, {}).at("iou"), 0.5, 1e-5);
  EXPECT_NEAR(scored(slices, {.instance_match = true}).at("iou"), 1, 1e-5);
}

TEST(HeldOutScores, PixelsThatAreNotKnownCountForNothing) {
  const std::vector<PredictedSlice> slices{
      slice_at(0, plane_with_columns(2, 8, data::kIgnore), plane_with_columns(1, 8))};
  EXPECT_FALSE(scored(slices, {}).contains("mfd")) << "nothing true is known";
  EXPECT_NEAR(scored(slices, {}).at("precision"), 0, 1e-12);
}

}  // namespace
}  // namespace retina::pipeline
