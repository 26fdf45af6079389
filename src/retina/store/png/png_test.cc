#include "retina/store/png/png.h"

#include <array>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>
#include <zlib.h>

#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/store/behaviour.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

struct RawPng {
  int colour_type = PNG_COLOR_TYPE_GRAY;
  int bits = 8;
  int width = 1;
  int height = 1;
  int interlace = PNG_INTERLACE_NONE;
  std::vector<png_byte> pixels = {};  ///< packed as in the file, row after row
};

/// Writes packed pixels of any colour type.
void write_raw_png(const std::filesystem::path& path, RawPng raw) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file);
  png_set_IHDR(png, info, static_cast<png_uint_32>(raw.width), static_cast<png_uint_32>(raw.height),
               raw.bits, raw.colour_type, raw.interlace, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  const std::array<png_color, 2> palette{{{10, 20, 30}, {40, 50, 60}}};
  if (raw.colour_type == PNG_COLOR_TYPE_PALETTE) {
    png_set_PLTE(png, info, palette.data(), 2);
  }
  png_write_info(png, info);
  std::vector<png_bytep> rows;
  const std::size_t row = raw.pixels.size() / static_cast<std::size_t>(raw.height);
  for (int y = 0; y < raw.height; ++y) {
    rows.push_back(raw.pixels.data() + static_cast<std::size_t>(y) * row);
  }
  png_write_image(png, rows.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  std::fclose(file);
}

void write_raw_png(const std::filesystem::path& path, int colour_type, int bits, int width,
                   std::vector<png_byte> row) {
  write_raw_png(
      path, {.colour_type = colour_type, .bits = bits, .width = width, .pixels = std::move(row)});
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

TEST(Png, TwoAndFourBitsAreStretchedToEight) {
  const testing::TempFolder folder;
  write_raw_png(folder / "2.png", PNG_COLOR_TYPE_GRAY, 2, 4, {0x1B});
  EXPECT_THAT(read_png(folder / "2.png").values<std::uint8_t>(),
              ::testing::ElementsAre(0, 85, 170, 255));
  write_raw_png(folder / "4.png", PNG_COLOR_TYPE_GRAY, 4, 3, {0x1F, 0x80});
  EXPECT_THAT(read_png(folder / "4.png").values<std::uint8_t>(),
              ::testing::ElementsAre(17, 255, 136));
}

class InterlacedPng : public ::testing::TestWithParam<int> {};

TEST_P(InterlacedPng, ReadsLikeTheOther) {
  const testing::TempFolder folder;
  RawPng raw{.bits = GetParam(), .width = 21, .height = 13};
  const int row = (raw.width * raw.bits + 7) / 8;
  for (int i = 0; i < row * raw.height; ++i) {
    raw.pixels.push_back(static_cast<png_byte>(i * 37 + i / row));
  }
  write_raw_png(folder / "a.png", raw);
  raw.interlace = PNG_INTERLACE_ADAM7;
  write_raw_png(folder / "b.png", raw);
  EXPECT_TRUE(read_png(folder / "a.png") == read_png(folder / "b.png"));
}

INSTANTIATE_TEST_SUITE_P(Bits, InterlacedPng, ::testing::Values(1, 2, 4, 8, 16));

/// A file whose header says another size, its checksum put right.
void claim_png_size(const std::filesystem::path& path, std::uint32_t side) {
  std::vector<std::byte> bytes = core::read_bytes(path);
  const auto put = [&bytes](std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) {
      bytes[at + i] = static_cast<std::byte>(value >> (24 - 8 * i) & 0xFF);
    }
  };
  put(16, side);
  put(20, side);
  put(29,
      static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(bytes.data() + 12), 17)));
  core::write_atomically(path, bytes);
}

TEST(Png, NoHeaderMakesItTakeMemoryThatTheFileCannotFill) {
  const testing::TempFolder folder;
  for (const std::uint32_t side : {0U, 400U, 20000U, 900000U, 0x7FFFFFFFU, 0xFFFFFFFFU}) {
    for (const int bits : {1, 8, 16}) {
      write_raw_png(folder / "a.png", PNG_COLOR_TYPE_GRAY, bits, 2, {1, 2, 3, 4});
      claim_png_size(folder / "a.png", side);
      try {
        read_png(folder / "a.png");
        FAIL() << side;
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_data) << side;
        EXPECT_THAT(error.what(), ::testing::HasSubstr("a.png"));
      }
    }
  }
}

TEST(Png, ChangedBytesAreErrorsOrOtherValues) {
  const testing::TempFolder folder;
  RawPng raw{.width = 31, .height = 17, .interlace = PNG_INTERLACE_ADAM7};
  for (int i = 0; i < 31 * 17; ++i) {
    raw.pixels.push_back(static_cast<png_byte>(i * i));
  }
  write_raw_png(folder / "a.png", raw);
  const std::vector<std::byte> whole = core::read_bytes(folder / "a.png");
  core::Rng rng(9);
  for (int i = 0; i < 500; ++i) {
    std::vector<std::byte> damaged = whole;
    damaged[static_cast<std::size_t>(rng.integer(8, std::ssize(whole) - 1))] =
        static_cast<std::byte>(rng.integer(0, 255));
    std::ofstream(folder / "a.png", std::ios::binary)
        .write(reinterpret_cast<const char*>(damaged.data()), std::ssize(damaged));
    try {
      read_png(folder / "a.png");
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    }
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
