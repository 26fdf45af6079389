#include "retina/label/block_grid.h"

#include <gtest/gtest.h>

namespace retina::label {
namespace {

TEST(BlockGrid, BlocksCoverTheVolumeOnce) {
  const BlockGrid grid({5, 7, 9}, {2, 3, 4});
  std::int64_t voxels = 0;
  for (std::int64_t i = 0; i < grid.count(); ++i) {
    EXPECT_TRUE(core::whole(grid.shape()).contains(grid.box(i)));
    voxels += grid.box(i).voxels();
    for (std::int64_t j = 0; j < i; ++j) {
      EXPECT_TRUE(core::intersect(grid.box(i), grid.box(j)).empty());
    }
  }
  EXPECT_EQ(voxels, 5 * 7 * 9);
}

TEST(BlockGrid, SidesOfABlockLieWithinTheVolume) {
  EXPECT_EQ(sides_within({5, 7, 9}, {2, 0, 40}), (core::Vec3{2, 7, 9}));
  EXPECT_EQ(sides_within({0, 7, 9}, {0, 3, 9}), (core::Vec3{1, 3, 9}));
}

TEST(BlockGrid, FindsTheBlocksThatMeetABox) {
  const BlockGrid grid({5, 7, 9}, {2, 3, 4});
  for (const core::Box3& box : {core::Box3{{0, 0, 0}, {1, 1, 1}}, core::Box3{{1, 2, 3}, {2, 2, 2}},
                                core::Box3{{4, 6, 8}, {1, 1, 1}}, core::whole(grid.shape())}) {
    std::vector<std::int64_t> expected;
    for (std::int64_t i = 0; i < grid.count(); ++i) {
      if (!core::intersect(grid.box(i), box).empty()) {
        expected.push_back(i);
      }
    }
    EXPECT_EQ(grid.meeting(box), expected) << core::to_string(box.start);
  }
  EXPECT_TRUE(grid.meeting({{1, 1, 1}, {0, 2, 2}}).empty());
}

}  // namespace
}  // namespace retina::label
