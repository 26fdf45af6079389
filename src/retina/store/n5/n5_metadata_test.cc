#include "retina/store/n5/n5_metadata.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::store {
namespace {

Json good_n5() {
  return Json::parse(R"({"dimensions":[30,20,10],"blockSize":[16,8,4],"dataType":"uint16",
    "compression":{"type":"gzip","level":-1}})");
}

std::string message_of_n5(const Json& json) {
  try {
    parse_n5_metadata(json);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "parsed";
}

TEST(N5Metadata, TheSlowestDimensionComesFirst) {
  const N5Metadata metadata = parse_n5_metadata(good_n5());
  EXPECT_EQ(metadata.shape, (Sides{10, 20, 30}));
  EXPECT_EQ(metadata.block, (Sides{4, 8, 16}));
  EXPECT_EQ(metadata.block_bytes(), 1024U);
  EXPECT_EQ(metadata.compression->kind, CompressionStep::Kind::gzip);
}

TEST(N5Metadata, CompressionInBothForms) {
  Json json = good_n5();
  json.erase("compression");
  json["compressionType"] = "raw";
  EXPECT_FALSE(parse_n5_metadata(json).compression);
  json["compression"] = {{"type", "jpeg"}};
  EXPECT_THAT(message_of_n5(json), ::testing::HasSubstr("jpeg"));
}

TEST(N5Metadata, WhatCannotBeIsRefused) {
  Json json = good_n5();
  json["dataType"] = "float16";
  EXPECT_THAT(message_of_n5(json), ::testing::HasSubstr("float16"));
  json = good_n5();
  json["blockSize"] = {1 << 20, 1 << 20, 1 << 20};
  EXPECT_THAT(message_of_n5(json), ::testing::HasSubstr("2 GiB"));
  json["blockSize"] = {16, 8};
  EXPECT_THAT(message_of_n5(json), ::testing::HasSubstr("blockSize"));
  json.erase("blockSize");
  EXPECT_FALSE(is_n5_dataset(json));
  EXPECT_THAT(message_of_n5(json), ::testing::HasSubstr("blockSize"));
}

N5Scale n5_scale(const std::string& json) {
  return parse_n5_scale(Json::parse(json), 3);
}

TEST(N5Scale, ATransformNamesItsAxes) {
  const N5Scale scale = n5_scale(R"({"transform":{"axes":["z","y","x"],"scale":[0.05,0.004,0.004],
      "translate":[1,2,3],"units":["um","um","um"]},"resolution":[1,1,1]})");
  EXPECT_EQ(scale.axes, "zyx");
  EXPECT_EQ(scale.voxel_nm, (core::Vec3d{50, 4, 4}));
  EXPECT_EQ(scale.offset_nm, (core::Vec3d{1000, 2000, 3000}));
  EXPECT_EQ(n5_scale(R"({"transform":{"axes":["x","y","z"],"ordering":"F","scale":[4,4,50],
      "translate":[0,0,0],"units":["nm","nm","nm"]}})")
                .axes,
            "zyx");
}

TEST(N5Scale, AxesCountWhereTheyBeginWithX) {
  const Json attributes = Json::parse(R"({"axes":["x","y","c","z"]})");
  EXPECT_EQ(parse_n5_scale(attributes, 4).axes, "zcyx");
  EXPECT_EQ(parse_n5_scale(attributes, 3).axes, "");
  EXPECT_EQ(n5_scale(R"({"axes":["z","y","x"]})").axes, "");
}

TEST(N5Scale, PixelResolutionIsXyz) {
  const N5Scale scale =
      n5_scale(R"({"pixelResolution":{"dimensions":[0.004,0.005,0.05],"unit":"um"}})");
  EXPECT_EQ(scale.voxel_nm, (core::Vec3d{50, 5, 4}));
  const N5Scale unitless = n5_scale(R"({"pixelResolution":[4,4,50]})");
  EXPECT_EQ(unitless.voxel_nm, std::nullopt);
  EXPECT_THAT(unitless.notes, ::testing::ElementsAre(::testing::HasSubstr("no unit")));
}

TEST(N5Scale, EqualSidesTellTheOrderOfAResolution) {
  const N5Scale zyx = n5_scale(R"({"resolution":[40,4,4],"offset":[80,8,12],"units":"nm"})");
  EXPECT_EQ(zyx.voxel_nm, (core::Vec3d{40, 4, 4}));
  EXPECT_EQ(zyx.offset_nm, (core::Vec3d{80, 8, 12}));
  const N5Scale xyz = n5_scale(R"({"resolution":[4,4,40],"offset":[12,8,80]})");
  EXPECT_EQ(xyz.voxel_nm, zyx.voxel_nm);
  EXPECT_EQ(xyz.offset_nm, zyx.offset_nm);
  EXPECT_THAT(xyz.notes, ::testing::Contains(::testing::HasSubstr("equal")));
  const N5Scale none = n5_scale(R"({"resolution":[4,5,40]})");
  EXPECT_EQ(none.voxel_nm, (core::Vec3d{40, 5, 4}));
  EXPECT_THAT(none.notes, ::testing::Contains(::testing::HasSubstr("--voxel-size-nm")));
  const N5Scale cube = n5_scale(R"({"resolution":[8,8,8],"units":["nm","nm","nm"]})");
  EXPECT_EQ(cube.voxel_nm, (core::Vec3d{8, 8, 8}));
  EXPECT_TRUE(cube.notes.empty());
}

TEST(N5Scale, AnOffsetThatCannotBeUsedIsNoted) {
  const N5Scale scale = n5_scale(R"({"resolution":[40,4,4],"offset":[1,2],"units":"nm"})");
  EXPECT_EQ(scale.voxel_nm, (core::Vec3d{40, 4, 4}));
  EXPECT_THAT(scale.notes, ::testing::Contains(::testing::HasSubstr("offset is not used")));
}

TEST(N5Scale, NonsenseIsNoScale) {
  for (const char* text :
       {"{}", R"({"resolution":[0,1,1]})", R"({"resolution":"fine"})", R"({"resolution":[1,1]})",
        R"({"pixelResolution":{"unit":"nm"}})", R"({"transform":{"axes":["z","y"]}})"}) {
    EXPECT_EQ(n5_scale(text).voxel_nm, std::nullopt) << text;
    EXPECT_EQ(n5_scale(text).notes.size(), std::string(text) == "{}" ? 0U : 1U) << text;
  }
  EXPECT_THAT(n5_scale(R"({"resolution":"fine"})").notes,
              ::testing::ElementsAre(::testing::AllOf(::testing::HasSubstr("'resolution'"),
                                                      ::testing::HasSubstr("fine"),
                                                      ::testing::HasSubstr("--voxel-size-nm"))));
  EXPECT_THAT(n5_scale(R"({"transform":{"axes":["z","y","x"],"scale":[40,0,4],
      "translate":[0,0,0],"units":["nm","nm","nm"]}})")
                  .notes,
              ::testing::ElementsAre(::testing::HasSubstr("not positive")));
  EXPECT_THROW(n5_scale(R"({"transform":{"axes":["z","y","x"],"units":["nm"]}})"), Error);
}

TEST(N5Scale, FactorsOfALevel) {
  EXPECT_EQ(parse_n5_factors(Json::parse(R"({"downsamplingFactors":[4,2,1]})"), Json::object(), 1),
            (core::Vec3d{1, 2, 4}));
  EXPECT_EQ(parse_n5_factors(Json::object(), Json::parse(R"({"scales":[[1,1,1],[2,2,1]]})"), 1),
            (core::Vec3d{1, 2, 2}));
  EXPECT_EQ(parse_n5_factors(Json::object(), Json::object(), 5), (core::Vec3d{1, 1, 1}));
}

}  // namespace
}  // namespace retina::store
