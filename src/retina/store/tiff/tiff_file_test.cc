#include "retina/store/tiff/tiff_file.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tiffio.h>

#include "retina/core/file.h"
#include "retina/store/tiff/tiff_testing.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

struct PageSpec {
  std::uint32_t width = 50;
  std::uint32_t height = 40;
  std::uint16_t samples = 1;
  std::uint32_t tile = 0;  ///< 0 = strips of 7 rows
  std::uint16_t compression = COMPRESSION_LZW;
  std::uint16_t predictor = PREDICTOR_NONE;
  std::uint16_t planar = PLANARCONFIG_CONTIG;
};

std::uint16_t page_value(std::uint32_t page, std::uint32_t y, std::uint32_t x, std::uint32_t s) {
  return static_cast<std::uint16_t>(page * 7919 + y * 53 + x * 3 + s);
}

/// A strip or tile of a page: its first pixel, and of planes kept apart the sample.
struct Part {
  std::uint32_t y;
  std::uint32_t x;
  std::uint32_t rows;
  std::uint32_t columns;
};

std::vector<std::uint16_t> page_block(const PageSpec& spec, std::uint32_t page, const Part& part,
                                      std::uint32_t plane) {
  const bool is_separate = spec.planar == PLANARCONFIG_SEPARATE;
  std::vector<std::uint16_t> values;
  for (std::uint32_t y = part.y; y < part.y + part.rows; ++y) {
    for (std::uint32_t x = part.x; x < part.x + part.columns; ++x) {
      for (std::uint32_t s = 0; s < (is_separate ? 1 : spec.samples); ++s) {
        values.push_back(page_value(page, y, x, is_separate ? plane : s));
      }
    }
  }
  return values;
}

void write_page(TIFF* tiff, const PageSpec& spec, std::uint32_t page) {
  TIFFSetField(tiff, TIFFTAG_IMAGEWIDTH, spec.width);
  TIFFSetField(tiff, TIFFTAG_IMAGELENGTH, spec.height);
  TIFFSetField(tiff, TIFFTAG_BITSPERSAMPLE, 16);
  TIFFSetField(tiff, TIFFTAG_SAMPLESPERPIXEL, spec.samples);
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, spec.planar);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC,
               spec.samples == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, spec.compression);
  if (spec.predictor != PREDICTOR_NONE) {
    TIFFSetField(tiff, TIFFTAG_PREDICTOR, spec.predictor);
  }
  constexpr std::uint32_t kRows = 7;
  if (spec.tile > 0) {
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, spec.tile);
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, spec.tile);
  } else {
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, kRows);
  }
  const Part step =
      spec.tile > 0 ? Part{0, 0, spec.tile, spec.tile} : Part{0, 0, kRows, spec.width};
  std::uint32_t i = 0;
  for (std::uint32_t s = 0; s < (spec.planar == PLANARCONFIG_SEPARATE ? spec.samples : 1U); ++s) {
    for (std::uint32_t y = 0; y < spec.height; y += step.rows) {
      for (std::uint32_t x = 0; x < spec.width; x += step.columns, ++i) {
        const std::uint32_t rows = spec.tile > 0 ? step.rows : std::min(step.rows, spec.height - y);
        auto block = page_block(spec, page, {y, x, rows, step.columns}, s);
        const auto bytes = static_cast<tmsize_t>(block.size() * 2);
        if (spec.tile > 0) {
          TIFFWriteEncodedTile(tiff, i, block.data(), bytes);
        } else {
          TIFFWriteEncodedStrip(tiff, i, block.data(), bytes);
        }
      }
    }
  }
  TIFFWriteDirectory(tiff);
}

void write_tiff(const std::filesystem::path& path, const std::vector<PageSpec>& pages,
                const char* mode = "w") {
  TIFF* tiff = TIFFOpen(path.c_str(), mode);
  for (std::uint32_t page = 0; page < pages.size(); ++page) {
    write_page(tiff, pages[page], page);
  }
  TIFFClose(tiff);
}

class TiffLayouts : public ::testing::TestWithParam<std::pair<PageSpec, const char*>> {};

TEST_P(TiffLayouts, ReadsPartsOfPages) {
  const auto& [spec, mode] = GetParam();
  const testing::TempFolder folder;
  write_tiff(folder / "a.tif", {spec, spec, spec}, mode);
  const TiffFile file(folder / "a.tif");
  ASSERT_EQ(file.contents().pages.size(), 3U);
  for (const core::Box3& box : {core::Box3{{0, 5, 14}, {1, 30, 21}}, {{0, 13, 0}, {1, 22, 50}}}) {
    const core::Array part = file.read({.page = 2}, box);
    ASSERT_EQ(part.channels(), spec.samples);
    for (int s = 0; s < spec.samples; ++s) {
      for (std::int64_t y = 0; y < box.shape[1]; ++y) {
        for (std::int64_t x = 0; x < box.shape[2]; ++x) {
          ASSERT_EQ(part.at<std::uint16_t>(s, 0, y, x),
                    page_value(2, static_cast<std::uint32_t>(y + box.start[1]),
                               static_cast<std::uint32_t>(x + box.start[2]),
                               static_cast<std::uint32_t>(s)));
        }
      }
    }
  }
}

constexpr std::uint16_t kSeparate = PLANARCONFIG_SEPARATE;

INSTANTIATE_TEST_SUITE_P(
    All, TiffLayouts,
    ::testing::Values(std::pair(PageSpec{}, "w"), std::pair(PageSpec{.tile = 16}, "w"),
                      std::pair(PageSpec{.samples = 3}, "w"),
                      std::pair(PageSpec{.samples = 3, .tile = 32}, "w"),
                      std::pair(PageSpec{.samples = 3, .planar = kSeparate}, "w"),
                      std::pair(PageSpec{.samples = 3, .tile = 16, .planar = kSeparate}, "w8"),
                      std::pair(PageSpec{.samples = 2, .predictor = PREDICTOR_HORIZONTAL}, "wl"),
                      std::pair(PageSpec{.compression = COMPRESSION_NONE}, "wb"),
                      std::pair(PageSpec{.samples = 5, .compression = COMPRESSION_NONE}, "wb"),
                      std::pair(PageSpec{.compression = COMPRESSION_ADOBE_DEFLATE}, "w8"),
                      std::pair(PageSpec{.compression = COMPRESSION_ADOBE_DEFLATE,
                                         .predictor = PREDICTOR_HORIZONTAL},
                                "w8b"),
                      std::pair(PageSpec{.compression = COMPRESSION_ZSTD}, "w"),
                      std::pair(PageSpec{.compression = COMPRESSION_PACKBITS}, "w")));

class TiffRawPages : public ::testing::TestWithParam<std::pair<bool, bool>> {};

TEST_P(TiffRawPages, AreReadByOffset) {
  RawTiff raw;
  raw.is_big_endian = GetParam().first;
  raw.is_bigtiff = GetParam().second;
  std::vector<std::uint16_t> values;
  for (std::uint16_t i = 0; i < 3 * 20; ++i) {
    values.push_back(static_cast<std::uint16_t>(1000 + i));
    raw.put(2 * (values.size() - 1), values.back(), 2);
  }
  raw.data = raw.bytes;
  raw.pages = {raw_page(4, 5, 16)};
  raw.build();
  const testing::TempFolder folder;
  core::write_atomically(folder / "a.tif", raw.bytes);
  const TiffFile file(folder / "a.tif");
  for (std::int64_t image = 0; image < 3; ++image) {
    const core::Array rows = file.read({.page = 0, .image = image}, {{0, 1, 0}, {1, 3, 5}});
    EXPECT_EQ(rows.at<std::uint16_t>(0, 0, 2, 4), 1000 + image * 20 + 19);
    const core::Array column = file.read({.page = 0, .image = image}, {{0, 0, 2}, {1, 4, 1}});
    EXPECT_EQ(column.at<std::uint16_t>(0, 0, 3, 0), 1000 + image * 20 + 17);
  }
}

INSTANTIATE_TEST_SUITE_P(All, TiffRawPages,
                         ::testing::Values(std::pair(false, false), std::pair(true, false),
                                           std::pair(true, true)));

TEST(TiffFile, SmallValuesAreUnpacked) {
  RawTiff raw;
  raw.data = "\xA5\x40\x3C\x80";
  raw.pages = {raw_page(2, 10, 1), raw_page(2, 4, 2), raw_page(2, 3, 4)};
  raw.pages[0][8].values = {4};
  raw.pages[1][8].values = {2};
  raw.pages[2][8].values = {4};
  raw.build();
  const testing::TempFolder folder;
  core::write_atomically(folder / "a.tif", raw.bytes);
  const TiffFile file(folder / "a.tif");
  const auto values = [&](std::size_t page, const core::Vec3& shape) {
    const core::Array all = file.read({.page = page}, {{0, 0, 0}, shape});
    return std::vector<std::uint8_t>(all.values<std::uint8_t>().begin(),
                                     all.values<std::uint8_t>().end());
  };
  EXPECT_THAT(values(0, {1, 2, 10}), ::testing::ElementsAre(1, 0, 1, 0, 0, 1, 0, 1, 0, 1,  //
                                                            0, 0, 1, 1, 1, 1, 0, 0, 1, 0));
  EXPECT_THAT(values(1, {1, 2, 4}), ::testing::ElementsAre(2, 2, 1, 1, 1, 0, 0, 0));
  EXPECT_THAT(values(2, {1, 2, 3}), ::testing::ElementsAre(10, 5, 4, 3, 12, 8));
}

TEST(TiffFile, PiecesHoldEnoughStrips) {
  TiffDirectory page;
  page.width = 1000;
  page.height = 900;
  page.bits = 8;
  page.compression = 5;
  page.rows_per_strip = 8;
  page.blocks = 113;
  const TiffGrid grid = tiff_grid(page);
  EXPECT_EQ(grid.strips, 32);
  EXPECT_EQ(grid.height, 256);
  page.rows_per_strip = 0;  // all
  EXPECT_EQ(tiff_grid(page).height, 900);
}

}  // namespace
}  // namespace retina::store
