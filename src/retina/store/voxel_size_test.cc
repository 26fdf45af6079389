#include "retina/store/voxel_size.h"

#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(VoxelSize, ConvertsEachAxis) {
  const VoxelSize voxel = voxel_size({{{0.05, "um"}, {4.6, "nm"}, {46, "angstrom"}}});
  EXPECT_EQ(voxel.nm, (core::Vec3d{50, 4.6, 4.6}));
  EXPECT_THAT(voxel.notes, IsEmpty());
}

TEST(VoxelSize, APlaneIsAsThickAsItsPixels) {
  const VoxelSize voxel = voxel_size({{{}, {5, "nm"}, {4, "nm"}}});
  EXPECT_EQ(voxel.nm, (core::Vec3d{5, 5, 4}));
  EXPECT_THAT(voxel.notes, ElementsAre(HasSubstr("thickness")));
}

TEST(VoxelSize, IsNotGuessedWithoutUnits) {
  const VoxelSize voxel = voxel_size({{{50, ""}, {4.6, ""}, {4.6, ""}}});
  EXPECT_FALSE(voxel.nm);
  EXPECT_THAT(voxel.notes, ElementsAre(::testing::AllOf(HasSubstr("50 x 4.6 x 4.6"),
                                                        HasSubstr("--voxel-size-nm"))));
}

TEST(VoxelSize, PixelsAreNoNews) {
  EXPECT_THAT(voxel_size({{{1, ""}, {1, ""}, {1, ""}}}).notes, IsEmpty());
  EXPECT_THAT(voxel_size({}).notes, IsEmpty());
}

TEST(VoxelSize, RefusesSizesThatAreNone) {
  for (const double side : {0.0, -4.0, std::nan(""), HUGE_VAL}) {
    const VoxelSize voxel = voxel_size({{{40, "nm"}, {side, "nm"}, {4, "nm"}}});
    EXPECT_FALSE(voxel.nm);
    EXPECT_THAT(voxel.notes, ElementsAre(HasSubstr("not positive")));
  }
}

TEST(VoxelSize, TheNoteOnAnUnusableOneNamesItAndIsShort) {
  EXPECT_EQ(unusable_voxel_size("resolution", "text '8 nm'"),
            "the voxel size 'resolution' is not used (text '8 nm'): without another, give "
            "--voxel-size-nm z,y,x");
  const std::string note = unusable_voxel_size("resolution", std::string(10000, 'a'));
  EXPECT_LT(note.size(), 300U);
  EXPECT_THAT(note, HasSubstr("aaa...)"));
}

}  // namespace
}  // namespace retina::store
