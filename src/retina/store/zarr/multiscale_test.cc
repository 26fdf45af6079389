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
  const auto image = parse_multiscale(image_attributes());
  const Json written = to_json(*image, "x");
  const auto again = parse_multiscale({{"ome", {{"multiscales", written}}}});
  EXPECT_EQ(to_json(*again, "x"), written);
}

}  // namespace
}  // namespace retina::store
