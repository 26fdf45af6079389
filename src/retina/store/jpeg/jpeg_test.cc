#include "retina/store/jpeg/jpeg.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
// jpeglib.h needs stdio.h before it
#include <jpeglib.h>

#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

/// A smooth ramp, which JPEG keeps within a few grey levels.
void write_jpeg(const std::filesystem::path& path, int channels, int height, int width) {
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

}  // namespace
}  // namespace retina::store
