#include "retina/engine/block_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/array.h"

namespace retina::engine {
namespace {

PlaneSeries series_of(const core::Vec3& shape, int axis) {
  const core::Vec3 plane{shape[static_cast<std::size_t>(axis)],
                         shape[static_cast<std::size_t>(slice_axes(axis).row)],
                         shape[static_cast<std::size_t>(slice_axes(axis).column)]};
  return {plan_plane(plane[1], plane[2], 64, WindowOptions{}), plane[0], 4};
}

constexpr BlockCost kCost{.per_input_voxel = 3, .per_output_voxel = 6, .per_plane_pixel = 12};

TEST(BlockPlan, KnowsTheAxesOfSlices) {
  const core::Box3 box = slice_axes(1).to_box({5, 7}, {{10, 20}, {100, 130}});
  EXPECT_EQ(box, (core::Box3{{10, 5, 100}, {10, 2, 30}}));
}

TEST(BlockPlan, CoversEveryVoxelOnceAndFits) {
  const core::Vec3 shape{35, 75, 100};
  for (int axis = 0; axis < 3; ++axis) {
    for (const std::int64_t budget : {300'000, 500'000, 50'000'000}) {
      const auto blocks = plan_blocks(shape, axis, series_of(shape, axis), kCost,
                                      {.unit = {8, 16, 16}, .max_bytes = budget});
      core::Array seen(core::DType::u8, 1, shape);
      for (const VolumeBlock& block : blocks) {
        EXPECT_TRUE(block.read.contains(block.write));
        for (std::int64_t z = block.write.start[0]; z < block.write.stop()[0]; ++z) {
          for (std::int64_t y = block.write.start[1]; y < block.write.stop()[1]; ++y) {
            for (std::int64_t x = block.write.start[2]; x < block.write.stop()[2]; ++x) {
              ++seen.at<std::uint8_t>(0, z, y, x);
            }
          }
        }
      }
      EXPECT_THAT(seen.values<std::uint8_t>(), ::testing::Each(1));
      EXPECT_LE(peak_block_bytes(blocks, kCost), budget);
    }
  }
}

TEST(BlockPlan, BlocksBeginAtUnits) {
  const core::Vec3 shape{70, 150, 200};
  for (const VolumeBlock& block : plan_blocks(shape, 0, series_of(shape, 0), kCost,
                                              {.unit = {16, 32, 32}, .max_bytes = 1'000'000})) {
    EXPECT_EQ(block.write.start[0] % 16, 0);
    EXPECT_EQ(block.write.start[1] % 32, 0);
    EXPECT_EQ(block.write.start[2] % 32, 0);
  }
}

TEST(BlockPlan, CutsPlanesOnlyWhereTheyDoNotFit) {
  const core::Vec3 shape{70, 150, 200};
  for (const VolumeBlock& block : plan_blocks(shape, 0, series_of(shape, 0), kCost,
                                              {.unit = {1, 1, 1}, .max_bytes = 5'000'000})) {
    EXPECT_EQ(block.write.shape[1], 150);
    EXPECT_EQ(block.write.shape[2], 200);
  }
}

TEST(BlockPlan, PreferredUnitsGiveWayToWholePlanes) {
  const core::Vec3 shape{64, 150, 200};
  const auto blocks = plan_blocks(
      shape, 0, series_of(shape, 0), kCost,
      {.unit = {32, 32, 32}, .unit_is = BlockLimits::Unit::preferred, .max_bytes = 3'000'000});
  EXPECT_EQ(blocks.front().write.shape, (core::Vec3{8, 150, 200}));
}

TEST(BlockPlan, SaysWhatWouldBeEnough) {
  const core::Vec3 shape{64, 150, 200};
  try {
    plan_blocks(shape, 0, series_of(shape, 0), kCost, {.unit = {32, 64, 64}, .max_bytes = 1000});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("32 x 64 x 64"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--max-ram"));
  }
}

}  // namespace
}  // namespace retina::engine
