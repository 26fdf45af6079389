#include "retina/store/png/png.h"

#include <array>
#include <cstdio>
#include <fstream>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <zlib.h>

#include "retina/core/file.h"
#include "retina/store/behaviour.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

/// Writes one row of packed pixels in any colour type.
void write_raw_png(const std::filesystem::path& path, int colour_type, int bits, int width,
                   std::vector<png_byte> row) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file);
  png_set_IHDR(png, info, static_cast<png_uint_32>(width), 1, bits, colour_type, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  const std::array<png_color, 2> palette{{{10, 20, 30}, {40, 50, 60}}};
  if (colour_type == PNG_COLOR_TYPE_PALETTE) {
    png_set_PLTE(png, info, palette.data(), 2);
  }
  png_write_info(png, info);
  png_write_row(png, row.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  std::fclose(file);
}

TEST(Png, PalettesAreExpanded) {
  const testing::TempFolder folder;
  write_raw_png(folder / "p.png", PNG_COLOR_TYPE_PALETTE, 8, 2, {1, 0});
  const core::Array image = read_png(folder / "p.png");
  EXPECT_EQ(image.channels(), 3);
  EXPECT_EQ(image.at<std::uint8_t>(0, 0, 0, 0), 40);
  EXPECT_EQ(image.at<std::uint8_t>(2, 0, 0, 1), 30);
}

TEST(Png, AlphaIsDroppedAndNoted) {
  const testing::TempFolder folder;
  write_raw_png(folder / "a.png", PNG_COLOR_TYPE_GRAY_ALPHA, 8, 2, {5, 255, 6, 0});
  const auto volume = open((folder / "a.png").string());
  EXPECT_THAT(volume->info().notes, ::testing::Contains(::testing::HasSubstr("alpha")));
  const core::Array image = volume->read({{0, 0, 0}, {1, 1, 2}});
  EXPECT_THAT(image.values<std::uint8_t>(), ::testing::ElementsAre(5, 6));
}

TEST(Png, OneBitMasksBecome0And255) {
  const testing::TempFolder folder;
  write_raw_png(folder / "m.png", PNG_COLOR_TYPE_GRAY, 1, 3, {0xA0});
  EXPECT_THAT(read_png(folder / "m.png").values<std::uint8_t>(),
              ::testing::ElementsAre(255, 0, 255));
}

TEST(Png, SixteenBitsAreBigEndianInTheFile) {
  const testing::TempFolder folder;
  write_raw_png(folder / "s.png", PNG_COLOR_TYPE_GRAY, 16, 2, {0x01, 0x02, 0xFF, 0x00});
  EXPECT_THAT(read_png(folder / "s.png").values<std::uint16_t>(),
              ::testing::ElementsAre(0x0102, 0xFF00));
}

TEST(Png, RefusesAHeaderThatClaimsMoreThanTheFileHolds) {
  const testing::TempFolder folder;
  write_raw_png(folder / "l.png", PNG_COLOR_TYPE_GRAY, 8, 2, {1, 2});
  std::vector<std::byte> bytes = core::read_bytes(folder / "l.png");
  bytes[17] = std::byte{0x0F};  // width and height of IHDR
  bytes[21] = std::byte{0x0F};
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(bytes.data() + 12), 17);
  for (std::size_t i = 0; i < 4; ++i) {
    bytes[29 + i] = static_cast<std::byte>(crc >> (24 - 8 * i));
  }
  core::write_atomically(folder / "l.png", bytes);
  try {
    read_png_header(folder / "l.png");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("claims"));
  }
}

TEST(Png, EveryShortenedFileIsOneError) {
  const testing::TempFolder folder;
  write_raw_png(folder / "t.png", PNG_COLOR_TYPE_GRAY, 8, 5, {1, 2, 3, 4, 5});
  for (auto size = std::filesystem::file_size(folder / "t.png"); size-- > 0;) {
    std::filesystem::resize_file(folder / "t.png", size);
    try {
      read_png(folder / "t.png");
      FAIL() << size;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data) << size;
    }
  }
}

std::vector<FormatCase> png_cases() {
  return {{.name = "U8", .extension = ".png", .shape = {1, 40, 37}},
          {.name = "U16", .extension = ".png", .dtype = core::DType::u16, .shape = {1, 40, 37}}};
}

INSTANTIATE_TEST_SUITE_P(Png, StoreReading, ::testing::ValuesIn(png_cases()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Png, StoreWriting, ::testing::ValuesIn(png_cases()), name_of_case);
INSTANTIATE_TEST_SUITE_P(Png, StoreAnyOrder, ::testing::ValuesIn(png_cases()), name_of_case);

}  // namespace
}  // namespace retina::store
