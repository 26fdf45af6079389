#include "retina/store/zarr/plain_scale.h"

#include <string>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::store {
namespace {

SpatialScale plain_scale_of(const std::string& json, const std::string& axes) {
  return plain_scale(Json::parse(json), axes);
}

TEST(PlainScale, ListsAreInTheOrderOfTheArray) {
  const SpatialScale zyx =
      plain_scale_of(R"({"resolution":[40,4,5],"offset":[80,8,10],"units":"nm"})", "zyx");
  EXPECT_EQ(zyx.voxel_nm, (core::Vec3d{40, 4, 5}));
  EXPECT_EQ(zyx.offset_nm, (core::Vec3d{80, 8, 10}));
  EXPECT_TRUE(zyx.notes.empty());
  const SpatialScale xyz =
      plain_scale_of(R"({"voxel_size":[0.005,0.004,0.04],"units":["um","um","um"]})", "xyz");
  EXPECT_EQ(xyz.voxel_nm, zyx.voxel_nm);
}

TEST(PlainScale, ChannelsMayOrMayNotBeCounted) {
  for (const char* json : {R"({"resolution":[40,4,5]})", R"({"resolution":[1,40,4,5]})"}) {
    const SpatialScale scale = plain_scale_of(json, "czyx");
    EXPECT_EQ(scale.voxel_nm, (core::Vec3d{40, 4, 5}));
    EXPECT_THAT(scale.notes, ::testing::ElementsAre(::testing::HasSubstr("nanometres")));
  }
  EXPECT_EQ(plain_scale_of(R"({"resolution":[4,5]})", "yx").voxel_nm, (core::Vec3d{4, 4, 5}));
}

TEST(PlainScale, AnOffsetThatCannotBeUsedIsNoted) {
  for (const char* offset : {"[1,2]", R"("1,2,3")", R"([1,2,"3"])"}) {
    const SpatialScale scale = plain_scale_of(
        fmt::format(R"({{"resolution":[40,4,5],"offset":{},"units":"nm"}})", offset), "zyx");
    EXPECT_EQ(scale.offset_nm, (core::Vec3d{0, 0, 0}));
    EXPECT_THAT(scale.notes, ::testing::ElementsAre(::testing::HasSubstr("offset is not used")));
  }
}

TEST(PlainScale, NonsenseIsNoVoxelSize) {
  for (const char* json :
       {"{}", R"({"resolution":4})", R"({"resolution":[4,4]})", R"({"resolution":[4,4,"x"]})",
        R"({"resolution":[0,4,4]})", R"({"resolution":[4,4,4],"units":["nm","um","nm"]})"}) {
    const SpatialScale scale = plain_scale_of(json, "zyx");
    EXPECT_EQ(scale.voxel_nm, std::nullopt) << json;
    EXPECT_EQ(scale.notes.size(), std::string(json) == "{}" ? 0U : 1U) << json;
  }
  EXPECT_THAT(plain_scale_of(R"({"voxel_size":"8 nm"})", "zyx").notes,
              ::testing::ElementsAre(::testing::AllOf(::testing::HasSubstr("'voxel_size'"),
                                                      ::testing::HasSubstr("8 nm"),
                                                      ::testing::HasSubstr("--voxel-size-nm"))));
}

}  // namespace
}  // namespace retina::store
