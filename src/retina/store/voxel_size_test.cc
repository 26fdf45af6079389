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

TEST(Offset, ConvertsEachAxisAndIs0WhereNothingIsSaid) {
  const Offset offset = offset_of({{{-2, "um"}, {}, {4.6, "nm"}}});
  EXPECT_EQ(offset.nm, (core::Vec3d{-2000, 0, 4.6}));
  EXPECT_THAT(offset.notes, IsEmpty());
  EXPECT_THAT(offset_of({{{0, ""}, {0, "pixel"}, {}}}).notes, IsEmpty()) << "0 needs no unit";
}

TEST(Offset, OneThatCannotBeUsedIs0AndNoted) {
  for (const double place : {std::nan(""), HUGE_VAL}) {
    const Offset offset = offset_of({{{1, "nm"}, {place, "nm"}, {}}});
    EXPECT_EQ(offset.nm, (core::Vec3d{0, 0, 0})) << "all of it: half a place is none";
    EXPECT_THAT(offset.notes, ElementsAre(HasSubstr("along y, not finite")));
  }
  EXPECT_THAT(offset_of({{{1e300, "m"}, {}, {}}}).notes, ElementsAre(HasSubstr("not finite")));
  EXPECT_THAT(offset_of({{{}, {}, {3, "pixel"}}}).notes,
              ElementsAre(HasSubstr("3 along x, no unit of length")));
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
