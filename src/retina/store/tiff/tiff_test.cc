#include "retina/store/tiff/tiff.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/store/open.h"
#include "retina/store/tiff/tiff_testing.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

std::string write_stack(const testing::TempFolder& folder, const core::Vec3& shape, int channels) {
  CreateOptions options;
  options.shape = shape;
  options.channels = channels;
  options.voxel_nm = core::Vec3d{50, 4.6, 4.6};
  const std::string path = (folder / "stack.tif").string();
  core::Array values(core::DType::u8, channels, shape);
  values.at<std::uint8_t>(channels - 1, shape[0] - 1, 0, 0) = 9;
  const auto output = create(path, options);
  output->write(core::whole(shape), values);
  output->finish();
  return path;
}

TEST(Tiff, SeveralPagesAreAStack) {
  const testing::TempFolder folder;
  const auto volume = open(write_stack(folder, {3, 4, 5}, 1));
  EXPECT_EQ(volume->info().axes, "zyx");
  EXPECT_EQ(volume->info().voxel_nm, (core::Vec3d{50, 4.6, 4.6}));
}

TEST(Tiff, OnePageIsAnImage) {
  const testing::TempFolder folder;
  EXPECT_TRUE(open(write_stack(folder, {1, 4, 5}, 1))->info().is_2d());
}

TEST(Tiff, ImageJChannelsAreChannels) {
  const testing::TempFolder folder;
  const auto volume = open(write_stack(folder, {3, 4, 5}, 2));
  EXPECT_EQ(volume->info().axes, "zcyx");
  EXPECT_EQ(volume->info().channels, 2);
  EXPECT_EQ(volume->read({{2, 0, 0}, {1, 1, 1}}).at<std::uint8_t>(1, 0, 0, 0), 9);
}

TEST(Tiff, PagesAreChannelsIfTheUserSaysSo) {
  const testing::TempFolder folder;
  OpenOptions options;
  options.axes = "cyx";
  const auto volume = open(write_stack(folder, {3, 4, 5}, 1), options);
  EXPECT_EQ(volume->info().channels, 3);
  EXPECT_EQ(volume->shape(), (core::Vec3{1, 4, 5}));
  options.axes = "xyz";
  EXPECT_THROW(open((folder / "stack.tif").string(), options), Error);
}

TEST(Tiff, ATimePointIsNamedAfterTheColon) {
  const testing::TempFolder folder;
  RawTiff raw;
  raw.data = std::string(20, 'a') + std::string(20, 'b');
  raw.pages = {described_page(raw_page(4, 5, 8), "ImageJ=1\nimages=2\nframes=2\n"),
               raw_page(4, 5, 8, RawTiff::kDataAt + 20)};
  raw.build();
  core::write_atomically(folder / "a.tif", raw.bytes);
  const std::string path = (folder / "a.tif").string();
  EXPECT_THROW(open(path), Error);
  const auto volume = open(path + ":t=1");
  EXPECT_EQ(volume->info().axes, "yx");
  EXPECT_EQ(volume->read({{0, 0, 0}, {1, 1, 1}}).at<std::uint8_t>(0, 0, 0, 0), 'b');
}

/// ImageJ lists only the first image of a file above 4 GiB. The file is sparse: it takes some
/// kilobytes of the disk.
TEST(Tiff, ImageJFilesAbove4GibAreReadByOffset) {
  const testing::TempFolder folder;
  constexpr std::int64_t kImages = 5000;
  constexpr std::int64_t kSide = 1000;
  RawTiff raw;
  raw.is_big_endian = true;
  raw.pages = {described_page(raw_page(kSide, kSide, 8, 4096),
                              "ImageJ=1.53t\nimages=5000\nslices=5000\nunit=micron\n"
                              "spacing=0.05\n")};
  raw.build();
  const std::string path = (folder / "big.tif").string();
  std::ofstream(path, std::ios::binary) << raw.bytes;
  std::filesystem::resize_file(path, 4096 + kImages * kSide * kSide);
  std::fstream out(path, std::ios::binary | std::ios::in | std::ios::out);
  out.seekp(4096 + 4998 * kSide * kSide + 7 * kSide + 3);
  out.put('x');
  out.close();

  const auto volume = open(path);
  EXPECT_EQ(volume->shape(), (core::Vec3{kImages, kSide, kSide}));
  EXPECT_EQ(volume->info().axes, "zyx");
  const core::Array part = volume->read({{4997, 7, 3}, {3, 1, 1}});
  EXPECT_THAT(part.values<std::uint8_t>(), ::testing::ElementsAre(0, 'x', 0));
  const core::Array row = volume->read({{4998, 7, 0}, {1, 1, kSide}});
  EXPECT_EQ(row.at<std::uint8_t>(0, 0, 0, 3), 'x');

  std::filesystem::resize_file(path, 4096 + (kImages - 1) * kSide * kSide);
  EXPECT_THROW(open(path), Error);
}

TEST(Tiff, ColourIsGreyOnlyIfAllChannelsAgree) {
  const testing::TempFolder folder;
  RawTiff raw;
  raw.data = std::string(60, 'a') + std::string(60, 'a');
  auto page = raw_page(4, 5, 8);
  page[2] = {258, 3, {8, 8, 8}};
  page[4].values = {2};
  page[6].values = {3};
  raw.pages = {page, page};
  raw.pages[1][5].values = {RawTiff::kDataAt + 60};
  raw.build();
  const std::string path = (folder / "a.tif").string();
  std::ofstream(path, std::ios::binary) << raw.bytes;
  EXPECT_EQ(open(path)->info().axes, "zyx");
  EXPECT_EQ(open(path)->read({{0, 0, 0}, {2, 4, 5}}).at<std::uint8_t>(0, 1, 3, 4), 'a');

  raw.bytes[RawTiff::kDataAt + 60 + 7] = 'b';
  std::ofstream(path, std::ios::binary) << raw.bytes;
  EXPECT_THROW(open(path)->read({{1, 0, 0}, {1, 4, 5}}), Error);

  raw.bytes[RawTiff::kDataAt + 59] = 'b';
  std::ofstream(path, std::ios::binary) << raw.bytes;
  const auto colour = open(path);
  EXPECT_EQ(colour->info().axes, "zyxc");
  EXPECT_EQ(colour->info().channels, 3);
  EXPECT_EQ(colour->read({{0, 3, 4}, {1, 1, 1}}).at<std::uint8_t>(2, 0, 0, 0), 'b');
}

/// Looked at in steps of some rows, whichever of them differs.
TEST(Tiff, ColourIsFoundAnywhereInALargePage) {
  const testing::TempFolder folder;
  constexpr std::uint64_t kHeight = 700;
  constexpr std::uint64_t kWidth = 1000;
  RawTiff raw;
  auto page = raw_page(kHeight, kWidth, 8);
  page[2] = {258, 3, {8, 8, 8}};
  page[4].values = {2};
  page[6].values = {3};
  page[8].values = {kHeight * kWidth * 3};
  raw.pages = {page};
  const std::string path = (folder / "a.tif").string();
  for (const std::uint64_t row : {std::uint64_t{0}, kHeight / 2, kHeight - 1}) {
    raw.data = std::string(kHeight * kWidth * 3, 'a');
    raw.data[(row * kWidth + 3) * 3 + 1] = 'b';
    raw.build();
    core::write_atomically(path, raw.bytes);
    EXPECT_EQ(open(path)->info().channels, 3) << row;
  }
}

TEST(Tiff, SeveralChannelsInAPixelAreChannels) {
  const testing::TempFolder folder;
  RawTiff raw;
  for (int i = 0; i < 40; ++i) {
    raw.data[static_cast<std::size_t>(i)] = static_cast<char>(i);
  }
  auto page = raw_page(4, 5, 8);
  page[2] = {258, 3, {8, 8}};
  page[6].values = {2};
  raw.pages = {page};
  raw.build();
  core::write_atomically(folder / "a.tif", raw.bytes);
  const auto volume = open((folder / "a.tif").string());
  EXPECT_EQ(volume->info().channels, 2);
  EXPECT_EQ(volume->info().axes, "yxc");
  EXPECT_EQ(volume->read({{0, 0, 3}, {1, 1, 1}}).at<std::uint8_t>(1, 0, 0, 0), 7);
}

/// Sums of what labs do daily: opening must not touch pixels.
TEST(TiffSlow, OpensTenThousandPagesInLessThanASecond) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {10000, 64, 64};
  const std::string path = (folder / "a.tif").string();
  const auto output = create(path, options);
  const core::Array slab(core::DType::u8, 1, {100, 64, 64});
  for (std::int64_t z = 0; z < options.shape[0]; z += 100) {
    output->write({{z, 0, 0}, {100, 64, 64}}, slab);
  }
  output->finish();
  const auto begin = std::chrono::steady_clock::now();
  const auto volume = open(path);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(volume->shape()[0], 10000);
  EXPECT_LT(seconds.count(), 1.0);
  std::printf("opened in %.4f s\n", seconds.count());
  volume->read({{9999, 0, 0}, {1, 64, 64}});
}

}  // namespace
}  // namespace retina::store
