#include "retina/store/tiff/tiff_file.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <tiffio.h>

#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

struct PageSpec {
  std::uint32_t width = 50;
  std::uint32_t height = 40;
  std::uint16_t samples = 1;
  std::uint32_t tile = 0;  ///< 0 = strips of 7 rows
  std::uint16_t compression = COMPRESSION_LZW;
};

std::uint16_t page_value(std::uint32_t page, std::uint32_t y, std::uint32_t x, std::uint32_t s) {
  return static_cast<std::uint16_t>(page * 7919 + y * 53 + x * 3 + s);
}

std::vector<std::uint16_t> page_block(const PageSpec& spec, std::uint32_t page, std::uint32_t y0,
                                      std::uint32_t x0, std::uint32_t rows, std::uint32_t columns) {
  std::vector<std::uint16_t> values;
  for (std::uint32_t y = y0; y < y0 + rows; ++y) {
    for (std::uint32_t x = x0; x < x0 + columns; ++x) {
      for (std::uint32_t s = 0; s < spec.samples; ++s) {
        values.push_back(page_value(page, y, x, s));
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
  TIFFSetField(tiff, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
  TIFFSetField(tiff, TIFFTAG_PHOTOMETRIC,
               spec.samples == 3 ? PHOTOMETRIC_RGB : PHOTOMETRIC_MINISBLACK);
  TIFFSetField(tiff, TIFFTAG_COMPRESSION, spec.compression);
  constexpr std::uint32_t kRows = 7;
  if (spec.tile > 0) {
    TIFFSetField(tiff, TIFFTAG_TILEWIDTH, spec.tile);
    TIFFSetField(tiff, TIFFTAG_TILELENGTH, spec.tile);
    std::uint32_t i = 0;
    for (std::uint32_t y = 0; y < spec.height; y += spec.tile) {
      for (std::uint32_t x = 0; x < spec.width; x += spec.tile) {
        auto block = page_block(spec, page, y, x, spec.tile, spec.tile);
        TIFFWriteEncodedTile(tiff, i++, block.data(), static_cast<tmsize_t>(block.size() * 2));
      }
    }
  } else {
    TIFFSetField(tiff, TIFFTAG_ROWSPERSTRIP, kRows);
    for (std::uint32_t y = 0; y < spec.height; y += kRows) {
      auto block = page_block(spec, page, y, 0, std::min(kRows, spec.height - y), spec.width);
      TIFFWriteEncodedStrip(tiff, y / kRows, block.data(), static_cast<tmsize_t>(block.size() * 2));
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
  ASSERT_EQ(file.pages(), 3);
  const core::Array part = file.read(2, {{0, 5, 14}, {1, 30, 21}});
  for (int s = 0; s < spec.samples; ++s) {
    for (std::int64_t y = 0; y < 30; ++y) {
      for (std::int64_t x = 0; x < 21; ++x) {
        ASSERT_EQ(part.at<std::uint16_t>(s, 0, y, x),
                  page_value(2, static_cast<std::uint32_t>(y + 5),
                             static_cast<std::uint32_t>(x + 14), static_cast<std::uint32_t>(s)));
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, TiffLayouts,
    ::testing::Values(std::pair(PageSpec{}, "w"), std::pair(PageSpec{.tile = 16}, "w"),
                      std::pair(PageSpec{.samples = 3}, "w"),
                      std::pair(PageSpec{.samples = 3, .tile = 32}, "w"),
                      std::pair(PageSpec{.compression = COMPRESSION_NONE}, "wb"),
                      std::pair(PageSpec{.compression = COMPRESSION_ADOBE_DEFLATE}, "w8"),
                      std::pair(PageSpec{.compression = COMPRESSION_PACKBITS}, "w")));

std::string message_of_tiff(const std::filesystem::path& path) {
  try {
    const TiffFile file(path);
    file.read(file.pages() - 1, {{0, 0, 0}, {1, file.layout().height, file.layout().width}});
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "read";
}

TEST(TiffFile, NamesThePageOfAnotherSize) {
  const testing::TempFolder folder;
  write_tiff(folder / "a.tif", {{}, {.width = 51}});
  EXPECT_THAT(message_of_tiff(folder / "a.tif"),
              ::testing::AllOf(::testing::HasSubstr("page 2"), ::testing::HasSubstr("40 x 51")));
}

TEST(TiffFile, EveryShortenedFileIsOneError) {
  const testing::TempFolder folder;
  write_tiff(folder / "a.tif", {{.width = 9, .height = 8}, {.width = 9, .height = 8}});
  for (auto size = std::filesystem::file_size(folder / "a.tif"); size > 0;
       size -= size > 9 ? 9 : 1) {
    std::filesystem::resize_file(folder / "a.tif", size - 1);
    EXPECT_THAT(message_of_tiff(folder / "a.tif"), ::testing::HasSubstr("a.tif")) << size;
  }
}

}  // namespace
}  // namespace retina::store
