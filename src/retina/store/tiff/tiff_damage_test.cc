// Damaged TIFF files: each is one error that names the file, or reads; none may crash, hang or take
// memory that the file cannot fill.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/store/open.h"
#include "retina/store/tiff/tiff_testing.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr std::int64_t kMostVoxels = 1 << 22;

/// What opening and reading says; "read" if it works.
std::string tiff_outcome(const std::filesystem::path& path) {
  try {
    const auto volume = open(path.string());
    core::Box3 box = core::whole(volume->shape());
    if (box.voxels() > kMostVoxels) {
      box.shape = {1, 1, 1};
    }
    volume->read(box);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(path.filename().string()));
    return error.what();
  }
  return "read";
}

std::string write_tiff_sample(const std::filesystem::path& path, Compression compression) {
  CreateOptions options;
  options.shape = {3, 11, 13};
  options.dtype = core::DType::u16;
  options.compression = compression;
  options.voxel_nm = core::Vec3d{50, 4, 4};
  core::Array values(core::DType::u16, 1, options.shape);
  for (std::int64_t i = 0; i < values.elements(); ++i) {
    values.values<std::uint16_t>()[static_cast<std::size_t>(i)] =
        static_cast<std::uint16_t>(i * 37 % 4001);
  }
  const auto output = create(path.string(), options);
  output->write(core::whole(options.shape), values);
  output->finish();
  return core::read_text(path);
}

class TiffDamage : public ::testing::TestWithParam<Compression> {};

TEST_P(TiffDamage, EveryShortenedFileIsOneError) {
  const testing::TempFolder folder;
  const std::string whole = write_tiff_sample(folder / "a.tif", GetParam());
  for (std::size_t size = whole.size(); size > 8; size -= size > 20 ? 11 : 1) {
    std::filesystem::resize_file(folder / "a.tif", size - 1);
    EXPECT_THAT(tiff_outcome(folder / "a.tif"), HasSubstr("a.tif")) << size;
  }
}

TEST_P(TiffDamage, ChangedBytesAreErrorsOrOtherValues) {
  const testing::TempFolder folder;
  const std::string whole = write_tiff_sample(folder / "a.tif", GetParam());
  core::Rng rng(5);
  for (int i = 0; i < 1500; ++i) {
    std::string damaged = whole;
    for (std::int64_t n = rng.integer(1, 3); n > 0; --n) {
      const auto at = static_cast<std::size_t>(rng.integer(4, std::ssize(whole) - 1));
      damaged[at] = static_cast<char>(rng.integer(0, 1) == 0 ? 0xFF : rng.integer(0, 255));
    }
    std::ofstream(folder / "a.tif", std::ios::binary) << damaged;
    tiff_outcome(folder / "a.tif");
  }
}

INSTANTIATE_TEST_SUITE_P(All, TiffDamage,
                         ::testing::Values(Compression::none, Compression::deflate,
                                           Compression::zstd));

std::string raw_tiff_outcome(RawTiff raw) {
  const testing::TempFolder folder;
  raw.build();
  core::write_atomically(folder / "a.tif", raw.bytes);
  return tiff_outcome(folder / "a.tif");
}

TEST(TiffBombs, PagesLargerThanTheFileAreRefused) {
  RawTiff raw;
  raw.pages = {raw_page(100000, 100000, 8)};
  EXPECT_THAT(raw_tiff_outcome(raw), HasSubstr("100000 x 100000"));
  raw.pages[0][3].values = {8};  // deflate
  EXPECT_THAT(raw_tiff_outcome(raw), HasSubstr("claims"));
  raw.pages = {raw_page(UINT32_MAX, UINT32_MAX, 64)};
  EXPECT_THAT(raw_tiff_outcome(raw), HasSubstr("claims"));
}

TEST(TiffBombs, TilesLargerThanTheirBytesAreRefused) {
  RawTiff raw;
  raw.data = std::string(100000, 'x');
  raw.pages = {{{256, 4, {10}},
                {257, 4, {10}},
                {258, 3, {8}},
                {259, 3, {8}},
                {262, 3, {1}},
                {277, 3, {1}},
                {322, 4, {8192}},
                {323, 4, {8192}},
                {324, 4, {RawTiff::kDataAt}},
                {325, 4, {50}}}};
  EXPECT_THAT(raw_tiff_outcome(raw), HasSubstr("of 50 bytes that claims 67108864"));
}

TEST(TiffBombs, ManySamplesInAPixelAreRefused) {
  RawTiff raw;
  raw.pages = {raw_page(60, 60, 8)};
  raw.pages[0][6].values = {65535};
  EXPECT_THAT(raw_tiff_outcome(raw), HasSubstr("claims"));
}

TEST(TiffBombs, PixelsBeyondTheFileAreRefused) {
  RawTiff raw;
  raw.pages = {raw_page(4, 5, 8, 0xFFFFFFF0)};
  EXPECT_THAT(raw_tiff_outcome(raw), AllOf(HasSubstr("4294967280"), HasSubstr("cut short")));
}

TEST(TiffBombs, DescribedImagesBeyondTheFileAreRefused) {
  RawTiff raw;
  raw.pages = {described_page(raw_page(4, 5, 8), "ImageJ=1\nimages=900000000\n")};
  EXPECT_THAT(raw_tiff_outcome(raw), HasSubstr("900000000 images"));
}

}  // namespace
}  // namespace retina::store
