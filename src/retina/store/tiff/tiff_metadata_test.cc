#include "retina/store/tiff/tiff_metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::store {
namespace {

TEST(TiffMetadata, ReadsImageJ) {
  const TiffDescription text = parse_tiff_description(
      "ImageJ=1.53t\nimages=30\nchannels=2\nslices=15\nunit=micron\nspacing=0.05\nloop=false\n");
  EXPECT_EQ(text.channels, 2);
  EXPECT_EQ(text.images, 30);
  const TiffVoxel voxel = tiff_voxel(text, {.x = 217.391304, .y = 217.391304, .unit = 1}, 30);
  EXPECT_EQ(voxel.nm, (core::Vec3d{50, 4.6, 4.6}));
  EXPECT_THAT(voxel.source, ::testing::HasSubstr("ImageJ"));
}

TEST(TiffMetadata, ReadsOme) {
  const TiffDescription text = parse_tiff_description(
      "<?xml version=\"1.0\"?><OME><Image><Pixels SizeC=\"1\" SizeT=\"3\" PhysicalSizeX=\"4.6\" "
      "PhysicalSizeXUnit=\"nm\" PhysicalSizeY=\"4.6\" PhysicalSizeYUnit=\"nm\" "
      "PhysicalSizeZ=\"0.05\"></Pixels></Image></OME>");
  EXPECT_EQ(text.frames, 3);
  EXPECT_EQ(text.voxel_nm, (core::Vec3d{50, 4.6, 4.6}));
}

TEST(TiffMetadata, PrintResolutionsAreNoVoxelSizes) {
  const TiffVoxel voxel = tiff_voxel({}, {.x = 72, .y = 72, .unit = 2}, 1);
  EXPECT_EQ(voxel.nm, std::nullopt);
  EXPECT_THAT(voxel.notes, ::testing::ElementsAre(::testing::HasSubstr("print setting")));
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
  const TiffDescription text =
      parse_tiff_description("ImageJ=\nspacing=abc\nimages=-4\nchannels=1e300\nvoxel_nm=1,2\n");
  EXPECT_EQ(text.spacing, std::nullopt);
  EXPECT_EQ(text.images, 0);
  EXPECT_EQ(text.channels, 1);
  EXPECT_EQ(text.voxel_nm, std::nullopt);
}

}  // namespace
}  // namespace retina::store
