#include "retina/pipeline/reading_options.h"

#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

TEST(ReadingOptions, BecomeWhatTheStoreTakes) {
  const store::OpenOptions how =
      ReadingOptions{.axes = "czyx", .voxel_size_nm = {40, 4, 5}}.open_options();
  EXPECT_EQ(how.axes, "czyx");
  EXPECT_EQ(how.voxel_nm, (core::Vec3d{40, 4, 5}));
  EXPECT_FALSE(ReadingOptions{}.open_options().voxel_nm);
}

TEST(ReadingOptions, WrongAxesAndSizesAreReportedTogether) {
  EXPECT_EQ((ReadingOptions{.axes = "zyy", .voxel_size_nm = {4, 0, 4}}.validate().size()), 2U);
  EXPECT_EQ((ReadingOptions{.axes = "cz", .voxel_size_nm = {4, 4}}.validate().size()), 2U);
  EXPECT_EQ((ReadingOptions{.axes = "XYZ", .voxel_size_nm = {}}.validate().size()), 1U);
  EXPECT_TRUE((ReadingOptions{.axes = "xyz", .voxel_size_nm = {8, 8, 8}}.validate().empty()));
  EXPECT_THROW((ReadingOptions{.axes = "q", .voxel_size_nm = {}}.open_options()), Error);
}

}  // namespace
}  // namespace retina::pipeline
