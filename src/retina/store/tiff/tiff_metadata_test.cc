#include "retina/store/tiff/tiff_metadata.h"

#include <string>

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

TEST(TiffMetadata, InchesAreALength) {
  const TiffDescription text =
      parse_tiff_description("ImageJ=1.53t\nunit=inch\nspacing=0.000002\n");
  EXPECT_EQ(tiff_voxel(text, {.x = 5080000, .y = 5080000, .unit = 2}, 9).nm,
            (core::Vec3d{50.8, 5, 5}));
  EXPECT_THAT(tiff_voxel(text, {.x = 72, .y = 72, .unit = 2}, 9).notes,
              ElementsAre(HasSubstr("print setting")));
  EXPECT_EQ(tiff_voxel({}, {.x = 5080000, .y = 5080000, .unit = 2}, 1).nm, (core::Vec3d{5, 5, 5}));
}

TEST(TiffMetadata, WhatIsNoVoxelSizeIsNoted) {
  const auto notes_of = [](const std::string& text, const TiffResolution& resolution) {
    const TiffVoxel voxel = tiff_voxel(parse_tiff_description(text), resolution, 9);
    EXPECT_EQ(voxel.nm, std::nullopt);
    return voxel.notes;
  };
  const TiffResolution tags{.x = 200, .y = 200, .unit = 1};
  EXPECT_THAT(notes_of("ImageJ=1\nunit=pixel\nspacing=2\n", tags),
              ElementsAre(::testing::AllOf(HasSubstr("'pixel' is no unit of length"),
                                           HasSubstr("--voxel-size-nm"))));
  EXPECT_THAT(notes_of("ImageJ=1\nunit=um\nyunit=line\nspacing=2\n", tags),
              ElementsAre(HasSubstr("'line'")));
  EXPECT_THAT(notes_of("ImageJ=1\nunit=um\nspacing=0.05\n", {}),
              ElementsAre(HasSubstr("0.05 um without resolution tags")));
  EXPECT_THAT(notes_of("ImageJ=1\nunit=um\nspacing=-2\n", tags),
              ElementsAre(HasSubstr("no spacing of the slices that can be used")));
  EXPECT_THAT(notes_of("", tags), ElementsAre(HasSubstr("200 x 200 pixels")));
  EXPECT_THAT(notes_of("ImageJ=1\nvoxel_nm=40,0,4\n", {}), ElementsAre(HasSubstr("40 x 0 x 4")));
  EXPECT_THAT(notes_of("", {.x = 1, .y = 1, .unit = 1}), ::testing::IsEmpty());
  EXPECT_THAT(notes_of("", {}), ::testing::IsEmpty());
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
