#include "retina/store/image/image_codec.h"

#include <fstream>

#include <gtest/gtest.h>

#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

TEST(ImageCodec, IsFoundByContentNotByName) {
  const testing::TempFolder folder;
  CreateOptions options;
  options.shape = {1, 4, 5};
  create((folder / "a.png").string(), options)->finish();
  std::filesystem::rename(folder / "a.png", folder / "a.jpg");
  ASSERT_NE(image_codec_of(folder / "a.jpg"), nullptr);
  EXPECT_EQ(image_codec_of(folder / "a.jpg")->name, "png");
  std::ofstream(folder / "b.png") << "text";
  EXPECT_EQ(image_codec_of(folder / "b.png"), nullptr);
}

TEST(ImageCodec, ComparesChannels) {
  core::Array image(core::DType::u8, 3, {1, 2, 2});
  EXPECT_TRUE(channels_are_equal(image));
  image.at<std::uint8_t>(2, 0, 1, 1) = 1;
  EXPECT_FALSE(channels_are_equal(image));
}

TEST(ImageCodec, RefusesHeadersThatClaimTooMuch) {
  const testing::TempFolder folder;
  std::ofstream(folder / "small") << "1234";
  EXPECT_THROW(require_plausible_size(folder / "small", {.height = 100000, .width = 100000}, 1000),
               Error);
  require_plausible_size(folder / "small", {.height = 10, .width = 10}, 1000);
}

}  // namespace
}  // namespace retina::store
