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

}  // namespace
}  // namespace retina::label
