#include "retina/pipeline/predict/physical_scale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/testing/heard.h"

namespace retina::pipeline {
namespace {

using engine::AxesMode;

core::VolumeInfo info_of_scale(std::optional<core::Vec3d> voxel_nm) {
  core::VolumeInfo info;
  info.source = "input";
  info.shape = {20, 100, 120};
  info.voxel_nm = voxel_nm;
  return info;
}

PredictionSetup rescaling_setup(std::vector<core::Vec3d> trained_nm) {
  PredictionSetup setup;
  setup.options.rescale = true;
  setup.trained_nm = std::move(trained_nm);
  return setup;
}

std::string message_of_shape(const PredictionSetup& setup, const core::VolumeInfo& info) {
  try {
    network_shape(setup, info, AxesMode::stack);
  } catch (const Error& error) {
    return error.what();
  }
  return "no error";
}

TEST(PhysicalScale, TakesTheNearestTrainingSize) {
  const auto match = match_scale({{40, 4, 4}, {20, 10, 10}}, info_of_scale(core::Vec3d{50, 16, 16}),
                                 AxesMode::stack);
  ASSERT_TRUE(match);
  EXPECT_DOUBLE_EQ(match->factor, 1.6);
  EXPECT_EQ(match->voxel_nm, (core::Vec3d{50, 10, 10}));
  EXPECT_FALSE(match_scale({}, info_of_scale(core::Vec3d{1, 1, 1}), AxesMode::stack));
  EXPECT_FALSE(match_scale({{1, 1, 1}}, info_of_scale(std::nullopt), AxesMode::stack));
}

TEST(PhysicalScale, StacksKeepTheirSlicesAndOrthoplanesDoNot) {
  const PredictionSetup setup = rescaling_setup({{40, 8, 8}});
  const auto info = info_of_scale(core::Vec3d{16, 16, 16});
  EXPECT_EQ(network_shape(setup, info, AxesMode::stack), (core::Vec3{20, 200, 240}));
  EXPECT_EQ(network_shape(setup, info, AxesMode::orthoplane), (core::Vec3{40, 200, 240}));
}

TEST(PhysicalScale, IsTheInputsOwnWithoutRescale) {
  PredictionSetup setup = rescaling_setup({{40, 8, 8}});
  setup.options.rescale = false;
  const auto info = info_of_scale(core::Vec3d{16, 16, 16});
  EXPECT_EQ(network_shape(setup, info, AxesMode::stack), info.shape);
}

TEST(PhysicalScale, AnInputWithoutASizeIsToldThoseOfTheModel) {
  const auto told = [](const std::vector<core::Vec3d>& trained_nm,
                       std::optional<core::Vec3d> voxel_nm) {
    PredictionSetup setup = rescaling_setup(trained_nm);
    setup.options.rescale = false;
    const retina::testing::Heard heard;
    log_scale(setup, info_of_scale(voxel_nm), AxesMode::stack, heard.context);
    return heard.text();
  };
  EXPECT_THAT(told({{50, 4.6, 4.6}, {40, 4.6, 4.6}, {8, 8, 8}}, std::nullopt),
              ::testing::AllOf(::testing::HasSubstr("trained at 4.6 or 8 nm"),
                               ::testing::HasSubstr("--voxel-size-nm")));
  EXPECT_EQ(told({}, std::nullopt), "");
  EXPECT_EQ(told({{50, 4.6, 4.6}}, core::Vec3d{50, 5, 5}), "");
}

TEST(PhysicalScale, NamesTheOptionThatIsMissing) {
  EXPECT_THAT(message_of_shape(rescaling_setup({}), info_of_scale(core::Vec3d{1, 1, 1})),
              ::testing::HasSubstr("--model-voxel-nm"));
  EXPECT_THAT(message_of_shape(rescaling_setup({{1, 1, 1}}), info_of_scale(std::nullopt)),
              ::testing::HasSubstr("--voxel-size-nm"));
  EXPECT_THAT(
      message_of_shape(rescaling_setup({{1, 1, 1}}), info_of_scale(core::Vec3d{1, 500, 500})),
      ::testing::HasSubstr("factor of 32"));
}

}  // namespace
}  // namespace retina::pipeline
