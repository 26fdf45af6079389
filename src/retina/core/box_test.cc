#include "retina/core/box.h"

#include <gtest/gtest.h>

namespace retina::core {
namespace {

TEST(Box, IntersectionIsTheCommonPart) {
  const Box3 a{{0, 0, 0}, {4, 4, 4}};
  const Box3 b{{2, 3, 1}, {5, 5, 2}};
  EXPECT_EQ(intersect(a, b), (Box3{{2, 3, 1}, {2, 1, 2}}));
}

TEST(Box, DisjointBoxesMeetInTheEmptyBox) {
  EXPECT_TRUE(intersect({{0, 0, 0}, {2, 2, 2}}, {{2, 0, 0}, {2, 2, 2}}).empty());
}

TEST(Box, ContainsItselfButNotAShiftedCopy) {
  const Box3 a{{1, 1, 1}, {4, 4, 4}};
  EXPECT_TRUE(a.contains(a));
  EXPECT_FALSE(a.contains({{1, 1, 2}, {4, 4, 4}}));
}

TEST(Box, SliceHasThicknessOneAlongItsAxis) {
  EXPECT_EQ(slice_box({4, 5, 6}, 1, 3), (Box3{{0, 3, 0}, {4, 1, 6}}));
}

TEST(Box, VoxelCountsUse64Bits) {
  EXPECT_EQ(whole({100000, 1000, 1000}).voxels(), 100000000000);
}

}  // namespace
}  // namespace retina::core
