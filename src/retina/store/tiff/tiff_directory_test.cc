#include "retina/store/tiff/tiff_directory.h"

#include <filesystem>
#include <tuple>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/store/tiff/tiff_testing.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

using ::testing::HasSubstr;

TiffContents contents_of(const std::string& bytes) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "a.tif", bytes);
  return read_tiff_directories(PositionedFile(folder / "a.tif"));
}

std::string message_of_contents(const std::string& bytes) {
  try {
    contents_of(bytes);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "read";
}

class TiffHeaders : public ::testing::TestWithParam<std::tuple<bool, bool>> {};

TEST_P(TiffHeaders, OfBothByteOrdersAndSizes) {
  RawTiff raw;
  raw.is_big_endian = std::get<0>(GetParam());
  raw.is_bigtiff = std::get<1>(GetParam());
  auto colour = raw_page(4, 5, 8);
  colour[2] = {258, 3, {16, 16, 16}};
  colour[6] = {277, 3, {3}};
  raw.pages = {described_page(raw_page(4, 5, 16), "a text longer than eight"), colour};
  raw.build();
  const TiffContents contents = contents_of(raw.bytes);
  EXPECT_EQ(contents.is_big_endian, raw.is_big_endian);
  ASSERT_EQ(contents.pages.size(), 2U);
  EXPECT_EQ(contents.description, "a text longer than eight");
  EXPECT_EQ(contents.pages[0].text(), "4 x 5 uint16");
  EXPECT_TRUE(contents.pages[0].is_raw());
  EXPECT_EQ(contents.pages[0].first_block, RawTiff::kDataAt);
  EXPECT_EQ(contents.pages[1].text(), "4 x 5 uint16 with 3 values a pixel");
}

INSTANTIATE_TEST_SUITE_P(All, TiffHeaders,
                         ::testing::Combine(::testing::Bool(), ::testing::Bool()));

TEST(TiffDirectory, AListThatRunsInACircleIsAnError) {
  RawTiff raw;
  raw.pages = {raw_page(4, 5, 8), raw_page(4, 5, 8), raw_page(4, 5, 8)};
  raw.build();
  raw.put(raw.links_at[2], raw.pages_at[1], 4);
  EXPECT_THAT(message_of_contents(raw.bytes), HasSubstr("circle"));
}

TEST(TiffDirectory, AListThatLeavesTheFileIsAnError) {
  RawTiff raw;
  raw.pages = {raw_page(4, 5, 8)};
  raw.build();
  raw.put(raw.links_at[0], 1U << 30, 4);
  EXPECT_THAT(message_of_contents(raw.bytes), HasSubstr("breaks off after page 1"));
}

TEST(TiffDirectory, NoPageIsAnError) {
  RawTiff raw;
  raw.build();
  EXPECT_THAT(message_of_contents(raw.bytes), HasSubstr("no page"));
}

TEST(TiffDirectory, CountsThatLieAreErrors) {
  RawTiff raw;
  raw.pages = {raw_page(4, 5, 8)};
  raw.build();
  raw.put(raw.pages_at[0], 60000, 2);  // tags
  EXPECT_THAT(message_of_contents(raw.bytes), HasSubstr("60000 tags"));
  raw.pages = {described_page(raw_page(4, 5, 8), "longer than four")};
  raw.build();
  raw.put(raw.pages_at[1] + 2 + 5 * 12 + 4, UINT32_MAX, 4);  // bytes of the text
  EXPECT_THAT(message_of_contents(raw.bytes), HasSubstr("tag 270"));
}

TEST(TiffDirectory, ADescriptionOfAnySizeIsNotBelieved) {
  RawTiff raw;
  raw.pages = {described_page(raw_page(4, 5, 8), "longer than four")};
  raw.build();
  raw.put(raw.pages_at[0] + 2 + 5 * 12 + 4, 300U << 20, 4);  // bytes of the text
  const testing::TempFolder folder;
  core::write_atomically(folder / "a.tif", raw.bytes);
  std::filesystem::resize_file(folder / "a.tif", 400U << 20);  // that takes no room
  try {
    read_tiff_directories(PositionedFile(folder / "a.tif"));
    FAIL() << "read";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), HasSubstr("a description of 314572800 bytes"));
  }
}

TEST(TiffDirectory, ReadsTheOrientation) {
  RawTiff raw;
  raw.pages = {raw_page(4, 5, 8), raw_page(4, 5, 8)};
  raw.pages[1].insert(raw.pages[1].begin() + 6, RawTag{274, 3, {3}});  // tags are sorted
  raw.build();
  const TiffContents contents = contents_of(raw.bytes);
  EXPECT_EQ(contents.pages[0].orientation, 1U);
  EXPECT_EQ(contents.pages[1].orientation, 3U);
}

TEST(TiffDirectory, ChannelsAreWhatIsRead) {
  TiffDirectory page;
  page.samples = 5;
  EXPECT_EQ(page.channels(), 5);  // grey: all are channels
  page.samples = 2;
  page.extra_samples = 1;
  page.extra_kind = 2;
  EXPECT_EQ(page.channels(), 1);  // grey and alpha
  page.photometric = 2;
  page.samples = 4;
  EXPECT_EQ(page.channels(), 3);  // RGBA
}

}  // namespace
}  // namespace retina::store
