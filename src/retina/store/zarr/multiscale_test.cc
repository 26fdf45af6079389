#include "retina/store/zarr/multiscale.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::store {
namespace {

Json image_attributes() {
  return Json::parse(R"({"ome":{"version":"0.5","multiscales":[{"axes":[
    {"name":"z","type":"space","unit":"micrometer"},{"name":"y","type":"space","unit":"nanometer"},
    {"name":"x","type":"space","unit":"nanometer"}],"datasets":[{"path":"s0",
    "coordinateTransformations":[{"type":"scale","scale":[0.05,4,4]},
    {"type":"translation","translation":[1,8,0]}]}],
    "coordinateTransformations":[{"type":"scale","scale":[1,2,2]}]}]}})");
}

TEST(Multiscale, ScalesBecomeNanometres) {
  const auto image = parse_multiscale(image_attributes());
  ASSERT_TRUE(image);
  EXPECT_EQ(image->axes, "zyx");
  const SpatialScale scale = spatial_scale(*image, image->levels[0]);
  EXPECT_EQ(scale.voxel_nm, (core::Vec3d{50, 8, 8}));
  EXPECT_EQ(scale.offset_nm, (core::Vec3d{1000, 16, 0}));
}

TEST(Multiscale, AScaleWithoutUnitIsNoVoxelSize) {
  Json attributes = image_attributes();
  attributes["ome"]["multiscales"][0]["axes"][0].erase("unit");
  const auto image = parse_multiscale(attributes);
  const SpatialScale scale = spatial_scale(*image, image->levels[0]);
  EXPECT_EQ(scale.voxel_nm, std::nullopt);
  EXPECT_THAT(scale.notes, ::testing::ElementsAre(::testing::HasSubstr("axis z")));
}

TEST(Multiscale, WhatIsNoVoxelSizeIsNoted) {
  Json attributes = image_attributes();
  Json& image = attributes["ome"]["multiscales"][0];
  image["axes"][1]["unit"] = "pixel";
  auto parsed = parse_multiscale(attributes);
  SpatialScale scale = spatial_scale(*parsed, parsed->levels[0]);
  EXPECT_EQ(scale.voxel_nm, std::nullopt);
  EXPECT_THAT(scale.notes, ::testing::ElementsAre(::testing::HasSubstr("axis y in 'pixel'")));
  for (const char* list : {"datasets", "coordinateTransformations"}) {
    Json& steps =
        list == std::string("datasets") ? image[list][0]["coordinateTransformations"] : image[list];
    steps = Json::parse(R"([{"type":"scale","scale":[1,1,1]}])");
  }
  parsed = parse_multiscale(attributes);  // a pixel of a pixel is none all the same
  EXPECT_EQ(spatial_scale(*parsed, parsed->levels[0]).notes.size(), 1U);
  image["axes"][1]["unit"] = "nanometer";
  image["coordinateTransformations"][0]["scale"] = {1, 0, 1};
  parsed = parse_multiscale(attributes);
  scale = spatial_scale(*parsed, parsed->levels[0]);
  EXPECT_EQ(scale.voxel_nm, std::nullopt);
  EXPECT_THAT(scale.notes, ::testing::ElementsAre(::testing::HasSubstr("not positive")));
}

TEST(Multiscale, OtherGroupsAreNoImages) {
  EXPECT_EQ(parse_multiscale(Json::object()), std::nullopt);
  EXPECT_EQ(parse_multiscale(Json::parse(R"({"ome":{"labels":["a"]}})")), std::nullopt);
}

TEST(Multiscale, DamagedMetadataIsOneError) {
  Json attributes = image_attributes();
  attributes["ome"]["multiscales"][0]["datasets"][0].erase("path");
  EXPECT_THROW(parse_multiscale(attributes), Error);
  attributes = image_attributes();
  attributes["ome"]["multiscales"][0]["axes"][0]["name"] = "depth";
  EXPECT_THROW(parse_multiscale(attributes), Error);
  attributes = image_attributes();
  attributes["ome"]["multiscales"] = 5;
  EXPECT_THROW(parse_multiscale(attributes), Error);
}

TEST(Multiscale, WritesWhatItReads) {
  auto image = parse_multiscale(image_attributes());
  for (const char* version : {"0.4", "0.5"}) {
    image->version = version;
    const Json written = to_attributes(*image, "x", "../../");
    const auto again = parse_multiscale(written);
    EXPECT_EQ(again->version, version);
    EXPECT_TRUE(again->is_labels);
    EXPECT_EQ(to_attributes(*again, "x", "../../"), written);
  }
}

TEST(Multiscale, Version4LiesInTheAttributesThemselves) {
  auto image = parse_multiscale(image_attributes());
  image->version = "0.4";
  const Json written = to_attributes(*image, "x", "../../");
  EXPECT_EQ(written["multiscales"][0]["version"], "0.4");
  EXPECT_EQ(written["image-label"]["source"]["image"], "../../");
  EXPECT_FALSE(written.contains("ome"));
  EXPECT_FALSE(to_attributes(*image, "x", std::nullopt).contains("image-label"));
}

TEST(Multiscale, EarlyVersionsHadAxesByNameOrNone) {
  const auto third = parse_multiscale(Json::parse(
      R"({"multiscales":[{"version":"0.3","axes":["z","y","x"],"datasets":[{"path":"0"}]}]})"));
  EXPECT_EQ(third->axes, "zyx");
  EXPECT_EQ(spatial_scale(*third, third->levels[0]).voxel_nm, std::nullopt);
  const auto first = parse_multiscale(
      Json::parse(R"({"multiscales":[{"version":"0.1","datasets":[{"path":"0"}]}]})"));
  EXPECT_EQ(first->axes, "tczyx");
  EXPECT_THROW(parse_multiscale(Json::parse(R"({"multiscales":[{"datasets":[{"path":"0"}]}]})")),
               Error);
}

}  // namespace
}  // namespace retina::store
