#include "retina/store/hdf5/hdf5_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(Hdf5Metadata, CremiIsInNanometres) {
  Hdf5Attributes attributes;
  attributes.numbers = {{"resolution", {40, 4, 4}}, {"offset", {1520, 3644, 12}}};
  const Hdf5Space space = understand_hdf5(attributes, 3, "");
  EXPECT_EQ(space.axes, "zyx");
  EXPECT_EQ(space.voxel_nm, (core::Vec3d{40, 4, 4}));
  EXPECT_EQ(space.voxel_nm_source, "HDF5 attribute 'resolution'");
  EXPECT_EQ(space.offset_nm, (core::Vec3d{1520, 3644, 12}));
  EXPECT_THAT(space.notes, ElementsAre(HasSubstr("axes are not stated")));
}

TEST(Hdf5Metadata, UnitsAreFollowed) {
  Hdf5Attributes attributes;
  attributes.numbers = {{"resolution", {0.04, 0.004, 0.004}}, {"offset", {1, 2, 3}}};
  attributes.texts = {{"unit", {"um"}}};
  EXPECT_EQ(understand_hdf5(attributes, 3, "").voxel_nm, (core::Vec3d{40, 4, 4}));
  EXPECT_EQ(understand_hdf5(attributes, 3, "").offset_nm, (core::Vec3d{1000, 2000, 3000}));
  attributes.texts = {{"units", {"pixel"}}};
  EXPECT_FALSE(understand_hdf5(attributes, 3, "").voxel_nm);
  EXPECT_EQ(understand_hdf5(attributes, 3, "").offset_nm, (core::Vec3d{0, 0, 0}));
}

TEST(Hdf5Metadata, AnOffsetThatCannotBeUsedIsNoted) {
  Hdf5Attributes attributes;
  attributes.numbers = {{"resolution", {40, 4, 4}}, {"offset", {1, 2}}};
  EXPECT_THAT(understand_hdf5(attributes, 3, "zyx").notes,
              ElementsAre(HasSubstr("offset is not used (2 value(s) for axes zyx)")));
  attributes.numbers.erase("offset");
  attributes.texts = {{"offset", {"1 2 3"}}};
  EXPECT_THAT(understand_hdf5(attributes, 3, "zyx").notes, ElementsAre(HasSubstr("'1 2 3'")));
}

TEST(Hdf5Metadata, FallsBackToElementSize) {
  Hdf5Attributes attributes;
  attributes.numbers = {{"element_size_um", {0.04, 0.004, 0.004}}};
  EXPECT_EQ(understand_hdf5(attributes, 3, "").voxel_nm, (core::Vec3d{40, 4, 4}));
}

TEST(Hdf5Metadata, AVoxelSizeThatCannotBeUsedIsNoted) {
  using ::testing::AllOf;
  using ::testing::Contains;
  const auto notes_of = [](const Hdf5Attributes& attributes) {
    const Hdf5Space space = understand_hdf5(attributes, 3, "");
    EXPECT_FALSE(space.voxel_nm);
    return space.notes;
  };
  Hdf5Attributes text;
  text.texts = {{"resolution", {"8 nm"}}};
  EXPECT_THAT(notes_of(text), Contains(AllOf(HasSubstr("'resolution'"), HasSubstr("text '8 nm'"),
                                             HasSubstr("--voxel-size-nm"))));
  for (const std::size_t count : {1U, 2U, 4U}) {
    Hdf5Attributes numbers;
    numbers.numbers = {{"voxel_size", std::vector<double>(count, 8.0)}};
    EXPECT_THAT(notes_of(numbers),
                Contains(AllOf(HasSubstr("'voxel_size'"), HasSubstr("for axes zyx"))));
  }
  Hdf5Attributes table;
  table.others = {{"element_size_um", "compound values"}};
  EXPECT_THAT(notes_of(table),
              Contains(AllOf(HasSubstr("'element_size_um'"), HasSubstr("compound values"))));
  Hdf5Attributes zero;
  zero.numbers = {{"resolution", {40, 0, 4}}};
  EXPECT_THAT(notes_of(zero), Contains(HasSubstr("not positive")));
}

TEST(Hdf5Metadata, AnotherAttributeMayStillGiveTheVoxelSize) {
  Hdf5Attributes attributes;
  attributes.texts = {{"resolution", {"fine"}}};
  attributes.numbers = {{"element_size_um", {0.04, 0.004, 0.004}}};
  const Hdf5Space space = understand_hdf5(attributes, 3, "");
  EXPECT_EQ(space.voxel_nm, (core::Vec3d{40, 4, 4}));
  EXPECT_THAT(space.notes, ::testing::Contains(HasSubstr("'resolution' is not used")));
}

TEST(Hdf5Metadata, UnitsThatAreNoTextAreNotTakenForNanometres) {
  Hdf5Attributes attributes;
  attributes.numbers = {{"resolution", {40, 4, 4}}, {"units", {1}}};
  const Hdf5Space space = understand_hdf5(attributes, 3, "");
  EXPECT_FALSE(space.voxel_nm);
  EXPECT_THAT(space.notes, ::testing::Contains(HasSubstr("no unit of length")));
}

TEST(Hdf5Metadata, AxesComeFromTagsLabelsOrNames) {
  Hdf5Attributes attributes;
  attributes.texts = {
      {"axistags", {R"({"axes": [{"key": "z"}, {"key": "y"}, {"key": "x"}, {"key": "c"}]})"}}};
  EXPECT_EQ(understand_hdf5(attributes, 4, "").axes, "zyxc");
  attributes.texts = {{"axistags", {"{ no json"}},
                      {"DIMENSION_LABELS", {"Channel", "z", "y", "x"}}};
  EXPECT_EQ(understand_hdf5(attributes, 4, "").axes, "czyx");
  attributes.texts = {{"DIMENSION_LABELS", {"", "", "", ""}},
                      {"axis_names", {"c^", "z", "y", "x"}}};
  EXPECT_EQ(understand_hdf5(attributes, 4, "").axes, "czyx");
  EXPECT_THAT(understand_hdf5(attributes, 4, "").notes, IsEmpty());
}

TEST(Hdf5Metadata, ValuesFollowTheStatedAxes) {
  Hdf5Attributes attributes;
  attributes.texts = {{"DIMENSION_LABELS", {"x", "y", "z", "c"}}};
  attributes.numbers = {{"resolution", {4, 5, 40}}, {"offset", {1, 2, 3, 0}}};
  const Hdf5Space space = understand_hdf5(attributes, 4, "");
  EXPECT_EQ(space.voxel_nm, (core::Vec3d{40, 5, 4}));
  EXPECT_EQ(space.offset_nm, (core::Vec3d{3, 2, 1}));
}

TEST(Hdf5Metadata, APlaneMayHaveThreeSizes) {
  Hdf5Attributes attributes;
  attributes.numbers = {{"resolution", {40, 4, 5}}};
  EXPECT_EQ(understand_hdf5(attributes, 2, "").voxel_nm, (core::Vec3d{40, 4, 5}));
  attributes.numbers = {{"resolution", {4, 5}}};
  EXPECT_EQ(understand_hdf5(attributes, 2, "").voxel_nm, (core::Vec3d{4, 4, 5}));
}

TEST(Hdf5Metadata, TheUsersAxesWinWithANote) {
  Hdf5Attributes attributes;
  attributes.texts = {{"DIMENSION_LABELS", {"z", "y", "x"}}};
  const Hdf5Space space = understand_hdf5(attributes, 3, "cyx");
  EXPECT_EQ(space.axes, "cyx");
  EXPECT_THAT(space.notes, ElementsAre(HasSubstr("zyx")));
}

TEST(Hdf5Metadata, FourDimensionsWithoutNamesAreRefused) {
  try {
    understand_hdf5({}, 4, "");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("--axes"));
  }
  EXPECT_EQ(understand_hdf5({}, 4, "zyxc").axes, "zyxc");
}

}  // namespace
}  // namespace retina::store
