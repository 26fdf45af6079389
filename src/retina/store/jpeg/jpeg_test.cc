#include "retina/store/jpeg/jpeg.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
// jpeglib.h needs stdio.h before it
#include <jpeglib.h>

#include "retina/core/file.h"
#include "retina/core/rng.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

enum class Coding { baseline, progressive };

/// A smooth ramp, which JPEG keeps within a few grey levels.
void write_jpeg(const std::filesystem::path& path, int channels, int height, int width,
                Coding coding = Coding::baseline) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  std::FILE* file = std::fopen(path.c_str(), "wb");
  jpeg_stdio_dest(&jpeg, file);
  jpeg.image_width = static_cast<JDIMENSION>(width);
  jpeg.image_height = static_cast<JDIMENSION>(height);
  jpeg.input_components = channels;
  jpeg.in_color_space = channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 95, TRUE);
  if (coding == Coding::progressive) {
    jpeg_simple_progression(&jpeg);
  }
  jpeg_start_compress(&jpeg, TRUE);
  for (int y = 0; y < height; ++y) {
    std::vector<JSAMPLE> row;
    for (int i = 0; i < width * channels; ++i) {
      row.push_back(static_cast<JSAMPLE>(i % channels == 2 ? 30 : 2 * y + i / channels));
    }
    JSAMPROW line = row.data();
    jpeg_write_scanlines(&jpeg, &line, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::fclose(file);
}

TEST(Jpeg, ReadsGreyValues) {
  const testing::TempFolder folder;
  write_jpeg(folder / "a.jpg", 1, 40, 50);
  const auto volume = open((folder / "a.jpg").string());
  EXPECT_EQ(volume->shape(), (core::Vec3{1, 40, 50}));
  EXPECT_EQ(volume->info().format, "jpeg");
  const core::Array part = volume->read({{0, 20, 10}, {1, 2, 3}});
  EXPECT_NEAR(part.at<std::uint8_t>(0, 0, 1, 2), 2 * 21 + 12, 4);
}

TEST(Jpeg, ReadsColourAsThreeChannels) {
  const testing::TempFolder folder;
  write_jpeg(folder / "a.jpg", 3, 40, 50);
  const auto volume = open((folder / "a.jpg").string());
  EXPECT_EQ(volume->info().channels, 3);
  const core::Array part = volume->read({{0, 39, 49}, {1, 1, 1}});
  EXPECT_NEAR(part.at<std::uint8_t>(0, 0, 0, 0), 127, 6);
  EXPECT_NEAR(part.at<std::uint8_t>(2, 0, 0, 0), 30, 6);
}

TEST(Jpeg, AShortenedFileIsAnErrorNotAGreyArea) {
  const testing::TempFolder folder;
  write_jpeg(folder / "a.jpg", 1, 200, 200);
  std::filesystem::resize_file(folder / "a.jpg", std::filesystem::file_size(folder / "a.jpg") / 2);
  const auto volume = open((folder / "a.jpg").string());
  try {
    volume->read({{0, 0, 0}, {1, 1, 1}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("a.jpg"));
  }
}

/// What reading says; "read" if it works.
std::string outcome_of_jpeg(const std::filesystem::path& path) {
  try {
    read_jpeg(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr(path.filename().string()));
    return error.what();
  }
  return "read";
}

/// Where the segment with this marker begins.
std::size_t jpeg_marker(const std::string& bytes, char marker) {
  return bytes.find(std::string{'\xFF', marker});
}

TEST(Jpeg, EveryShortenedFileIsOneError) {
  const testing::TempFolder folder;
  write_jpeg(folder / "a.jpg", 3, 24, 24);
  for (auto size = std::filesystem::file_size(folder / "a.jpg"); size > 9; size -= 9) {
    std::filesystem::resize_file(folder / "a.jpg", size - 3);
    EXPECT_NE(outcome_of_jpeg(folder / "a.jpg"), "read") << size;
  }
}

TEST(Jpeg, NoHeaderMakesItTakeMemoryThatTheFileCannotFill) {
  const testing::TempFolder folder;
  write_jpeg(folder / "a.jpg", 1, 16, 16);
  std::string bytes = core::read_text(folder / "a.jpg");
  const std::size_t frame = jpeg_marker(bytes, '\xC0');
  bytes.replace(frame + 5, 4, "\xFD\xE8\xFD\xE8");  // height and width
  std::ofstream(folder / "a.jpg", std::ios::binary) << bytes;
  EXPECT_THAT(outcome_of_jpeg(folder / "a.jpg"), ::testing::HasSubstr("65000 x 65000"));
}

TEST(Jpeg, AnOrientationOfExifIsTold) {
  const testing::TempFolder folder;
  write_jpeg(folder / "a.jpg", 1, 16, 24);
  EXPECT_TRUE(open((folder / "a.jpg").string())->info().notes.empty());
  const std::string exif(
      "\xFF\xE1\0\x22"
      "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0",
      36);
  std::string bytes = core::read_text(folder / "a.jpg");
  bytes.insert(2, exif);
  std::ofstream(folder / "a.jpg", std::ios::binary) << bytes;
  const auto volume = open((folder / "a.jpg").string());
  EXPECT_EQ(volume->shape(), (core::Vec3{1, 16, 24})) << "as stored";
  EXPECT_THAT(volume->info().notes,
              ::testing::ElementsAre(::testing::HasSubstr("Orientation is 6 (right-top)")));
}

TEST(Jpeg, ScansThatComeAgainAndAgainAreRefused) {
  const testing::TempFolder folder;
  write_jpeg(folder / "a.jpg", 1, 64, 64, Coding::progressive);
  ASSERT_EQ(outcome_of_jpeg(folder / "a.jpg"), "read");
  const std::string bytes = core::read_text(folder / "a.jpg");
  const std::size_t end = bytes.rfind(std::string{'\xFF', '\xD9'});
  const std::size_t last = bytes.rfind(std::string{'\xFF', '\xDA'});
  std::string bomb = bytes.substr(0, end);
  for (int i = 0; i < 1000; ++i) {
    bomb += bytes.substr(last, end - last);
  }
  std::ofstream(folder / "a.jpg", std::ios::binary) << bomb + bytes.substr(end);
  EXPECT_NE(outcome_of_jpeg(folder / "a.jpg"), "read");
}

TEST(Jpeg, ChangedBytesAreErrorsOrOtherValues) {
  const testing::TempFolder folder;
  write_jpeg(folder / "a.jpg", 3, 40, 50);
  const std::string whole = core::read_text(folder / "a.jpg");
  core::Rng rng(9);
  for (int i = 0; i < 500; ++i) {
    std::string damaged = whole;
    damaged[static_cast<std::size_t>(rng.integer(3, std::ssize(whole) - 1))] =
        static_cast<char>(rng.integer(0, 255));
    std::ofstream(folder / "a.jpg", std::ios::binary) << damaged;
    outcome_of_jpeg(folder / "a.jpg");
  }
}

}  // namespace
}  // namespace retina::store
