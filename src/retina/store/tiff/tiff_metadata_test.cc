#include "retina/store/tiff/tiff_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(TiffMetadata, ReadsImageJ) {
  const TiffDescription text = parse_tiff_description(
      "ImageJ=1.53t\nimages=30\nchannels=2\nslices=15\nunit=micron\nspacing=0.05\nloop=false\n"
      "min=0.0\nmax=255.0\n");
  EXPECT_THAT(text.axes, ElementsAre(TiffAxis{'z', 15}, TiffAxis{'c', 2}));
  EXPECT_EQ(text.images, 30);
  EXPECT_FALSE(text.is_calibrated);
  const TiffVoxel voxel = tiff_voxel(text, {.x = 217.391304, .y = 217.391304, .unit = 1}, 15);
  EXPECT_EQ(voxel.nm, (core::Vec3d{50, 4.6, 4.6}));
  EXPECT_THAT(voxel.source, HasSubstr("ImageJ"));
}

TEST(TiffMetadata, ImageJOrdersByTimeSliceChannel) {
  const TiffDescription text = parse_tiff_description(
      "ImageJ=1.53t\nimages=24\nchannels=2\nslices=3\nframes=4\nhyperstack=true\n");
  EXPECT_THAT(text.axes, ElementsAre(TiffAxis{'t', 4}, TiffAxis{'z', 3}, TiffAxis{'c', 2}));
}

TEST(TiffMetadata, ImagesAloneAreSlices) {
  EXPECT_THAT(parse_tiff_description("ImageJ=1.53t\nimages=7\n").axes,
              ElementsAre(TiffAxis{'z', 7}));
  EXPECT_THAT(parse_tiff_description("ImageJ=1.53t\nimages=8\nchannels=2\n").axes,
              ElementsAre(TiffAxis{'z', 4}, TiffAxis{'c', 2}));
}

TEST(TiffMetadata, UnitsOfImageJMayDifferByAxis) {
  const TiffDescription text = parse_tiff_description(
      "ImageJ=1.53t\nimages=2\nunit=\\u00B5m\nyunit=nm\nzunit=mm\nspacing=0.001\n");
  EXPECT_EQ(tiff_voxel(text, {.x = 200, .y = 0.2, .unit = 1}, 2).nm, (core::Vec3d{1000, 5, 5}));
}

TEST(TiffMetadata, ReadsTheShapeOfTifffile) {
  const TiffDescription text =
      parse_tiff_description("{\"shape\": [2, 5, 20, 33], \"axes\": \"CZYX\"}");
  EXPECT_EQ(text.writer, "tifffile");
  EXPECT_THAT(text.shape, ElementsAre(2, 5, 20, 33));
  EXPECT_EQ(text.shape_axes, "CZYX");
  EXPECT_EQ(parse_tiff_description("{\"shape\": [2, -5]}").writer, "");
  EXPECT_EQ(parse_tiff_description("{\"shape\": [").writer, "");
}

TEST(TiffMetadata, PhysicalSizesOfOmeComeFirst) {
  TiffDescription text;
  text.physical_nm = {50.0, 4.6, 4.6};
  const TiffVoxel voxel = tiff_voxel(text, {.x = 72, .y = 72, .unit = 2}, 9);
  EXPECT_EQ(voxel.nm, (core::Vec3d{50, 4.6, 4.6}));
  EXPECT_THAT(voxel.source, HasSubstr("OME"));
  text.physical_nm[0] = std::nullopt;
  EXPECT_EQ(tiff_voxel(text, {}, 9).nm, std::nullopt);
  EXPECT_EQ(tiff_voxel(text, {}, 1).nm, (core::Vec3d{4.6, 4.6, 4.6}));
}

TEST(TiffMetadata, PrintResolutionsAreNoVoxelSizes) {
  const TiffVoxel voxel = tiff_voxel({}, {.x = 72, .y = 72, .unit = 2}, 1);
  EXPECT_EQ(voxel.nm, std::nullopt);
  EXPECT_THAT(voxel.notes, ElementsAre(HasSubstr("print setting")));
}

TEST(TiffMetadata, AStackWithoutSpacingHasNoVoxelSize) {
  const TiffResolution fine{.x = 2e6, .y = 2e6, .unit = 3};
  EXPECT_EQ(tiff_voxel({}, fine, 10).nm, std::nullopt);
  EXPECT_EQ(tiff_voxel({}, fine, 10).notes.size(), 1U);
  EXPECT_EQ(tiff_voxel({}, fine, 1).nm, (core::Vec3d{5, 5, 5}));
}

TEST(TiffMetadata, OurOwnTextIsExact) {
  const core::Vec3d voxel{50, 4.6, 1.0 / 3};
  const core::Vec3d offset{0, 1e-7, 12.5};
  const TiffDescription text =
      parse_tiff_description(tiff_description({5, 6, 7}, 1, voxel, offset));
  EXPECT_EQ(text.voxel_nm, voxel);
  EXPECT_EQ(text.offset_nm, offset);
  EXPECT_EQ(text.images, 5);
}

TEST(TiffMetadata, DamagedTextSaysNothing) {
  const TiffDescription text = parse_tiff_description(
      "ImageJ=\nspacing=abc\nimages=-4\nchannels=1e300\nvoxel_nm=1,2\nframes=nan\n");
  EXPECT_EQ(text.spacing, std::nullopt);
  EXPECT_EQ(text.images, 0);
  EXPECT_TRUE(text.axes.empty());
  EXPECT_EQ(text.voxel_nm, std::nullopt);
}

}  // namespace
}  // namespace retina::store
