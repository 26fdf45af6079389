#include "retina/pipeline/convert_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

using core::Box3;
using core::Vec3;

TEST(ConvertPlan, CropsAreReadWithBoundsLeftOut) {
  const Vec3 shape{10, 20, 30};
  EXPECT_EQ(parse_crop("", shape), core::whole(shape));
  EXPECT_EQ(parse_crop("1:3,:,5:", shape), (Box3{{1, 0, 5}, {2, 20, 25}}));
  EXPECT_EQ(parse_crop(":4,10:20,", shape), (Box3{{0, 10, 0}, {4, 10, 30}}));
  for (const char* bad : {"1:3", "1:3,2:4", "a:3,:,:", "3:1,:,:", "0:11,:,:", "-1:3,:,:", "2,3,4",
                          "1:3,:,:,:", "1:1,:,:", "99999999999999999999:,:,:"}) {
    EXPECT_THROW(parse_crop(bad, shape), Error) << bad;
  }
}

TEST(ConvertPlan, BlocksCoverTheVolumeOnce) {
  const BlockGrid grid{.shape = {5, 7, 9}, .block = {2, 3, 4}};
  std::int64_t voxels = 0;
  for (std::int64_t i = 0; i < grid.count(); ++i) {
    EXPECT_TRUE(core::whole(grid.shape).contains(grid.at(i)));
    voxels += grid.at(i).voxels();
    for (std::int64_t j = 0; j < i; ++j) {
      EXPECT_TRUE(core::intersect(grid.at(i), grid.at(j)).empty());
    }
  }
  EXPECT_EQ(voxels, 5 * 7 * 9);
}

TEST(ConvertPlan, BlocksAreMultiplesOfTheUnitThatHoldWholeChunks) {
  const BlockGrid grid = plan_blocks({.shape = {1000, 4000, 4000},
                                      .unit = {64, 512, 512},
                                      .chunk = {1, 0, 0},  // pages
                                      .voxel_bytes = 1,
                                      .max_bytes = std::int64_t{1} << 30});
  EXPECT_EQ(grid.block, (Vec3{64, 4096, 4096}));
  const BlockGrid small = plan_blocks({.shape = {1000, 4000, 4000},
                                       .unit = {64, 512, 512},
                                       .chunk = {1, 0, 0},
                                       .voxel_bytes = 1,
                                       .max_bytes = std::int64_t{200} << 20});
  EXPECT_EQ(small.block, (Vec3{64, 512, 4096}));
}

TEST(ConvertPlan, TinyUnitsAreTakenTogether) {
  const BlockGrid grid = plan_blocks({.shape = {1000, 100, 100},
                                      .unit = {1, 100, 100},
                                      .chunk = {1, 100, 100},
                                      .voxel_bytes = 1,
                                      .max_bytes = std::int64_t{1} << 30});
  EXPECT_EQ(grid.block[0], 838);
}

TEST(ConvertPlan, AUnitLargerThanMemoryIsRefusedWithARemedy) {
  try {
    plan_blocks({.shape = {64, 1000, 1000},
                 .unit = {64, 1000, 1000},
                 .chunk = {1, 0, 0},
                 .voxel_bytes = 8,
                 .max_bytes = 1 << 20});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--shard"));
  }
}

TEST(ConvertPlan, SizesAre64Bit) {
  const BlockGrid grid = plan_blocks({.shape = {3000, 100'000, 100'000},
                                      .unit = {64, 512, 512},
                                      .chunk = {64, 64, 64},
                                      .voxel_bytes = 16,
                                      .max_bytes = std::int64_t{1} << 30});
  EXPECT_EQ(grid.count(), 47LL * 196 * 196);
  const Box3 last = grid.at(grid.count() - 1);
  EXPECT_EQ(last.stop(), (Vec3{3000, 100'000, 100'000}));
  const BlockGrid flat = plan_blocks({.shape = {1, 200'000, 300},
                                      .unit = {1, 2048, 512},
                                      .chunk = {1, 256, 256},
                                      .voxel_bytes = 1,
                                      .max_bytes = std::int64_t{1} << 30});
  EXPECT_EQ(flat.at(flat.count() - 1).stop(), (Vec3{1, 200'000, 300}));
}

}  // namespace
}  // namespace retina::pipeline
