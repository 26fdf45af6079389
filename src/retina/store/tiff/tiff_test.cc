#include "retina/store/tiff/tiff.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/store/open.h"
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

}  // namespace
}  // namespace retina::store
