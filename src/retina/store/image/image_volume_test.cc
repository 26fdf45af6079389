#include "retina/store/image/image_volume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

std::string colour_png(const testing::TempFolder& folder, std::uint8_t last_channel) {
  core::Array image(core::DType::u8, 3, {1, 4, 5});
  for (auto& value : image.values<std::uint8_t>()) {
    value = 7;
  }
  image.at<std::uint8_t>(2, 0, 3, 4) = last_channel;
  CreateOptions options;
  options.shape = {1, 4, 5};
  options.channels = 3;
  const std::string path = (folder / "colour.png").string();
  const auto output = create(path, options);
  output->write(core::whole(options.shape), image);
  output->finish();
  return path;
}

TEST(ImageVolume, ColourWithEqualChannelsIsGrey) {
  const testing::TempFolder folder;
  const auto volume = open(colour_png(folder, 7));
  EXPECT_EQ(volume->info().channels, 1);
  EXPECT_EQ(volume->info().axes, "yx");
  EXPECT_THAT(volume->info().notes, ::testing::Contains(::testing::HasSubstr("read as grey")));
  EXPECT_EQ(volume->read({{0, 3, 4}, {1, 1, 1}}).at<std::uint8_t>(0, 0, 0, 0), 7);
}

TEST(ImageVolume, OneDifferentPixelMakesItColour) {
  const testing::TempFolder folder;
  const auto volume = open(colour_png(folder, 8));
  EXPECT_EQ(volume->info().channels, 3);
  EXPECT_EQ(volume->info().axes, "yxc");
  EXPECT_TRUE(volume->info().is_2d());
  EXPECT_EQ(volume->read({{0, 3, 4}, {1, 1, 1}}).at<std::uint8_t>(2, 0, 0, 0), 8);
}

TEST(ImageVolume, AFileReplacedAfterOpeningIsNoticed) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {1, 4, 5};
  const std::string path = (folder / "a.png").string();
  create(path, options)->finish();
  const auto volume = open(path);
  options.shape = {1, 4, 6};
  options.overwrite = true;
  create(path, options)->finish();
  EXPECT_THROW(volume->read(core::whole(volume->shape())), Error);
}

}  // namespace
}  // namespace retina::store
