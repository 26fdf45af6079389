#include "retina/store/image_files.h"

#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const std::filesystem::path& file : image_files(folder)) {
    names.push_back(file.filename().string());
  }
  return names;
}

TEST(ImageFiles, AreKnownByNameOrContentInNaturalOrder) {
  const testing::TempFolder folder;
  for (const char* name : {"a10.png", "a2.TIF", "notes.txt", "Thumbs.db", ".hidden.png"}) {
    core::write_atomically(folder / name, std::string_view("x"));
  }
  core::write_atomically(folder / "a11", std::string_view("\x89PNG\r\n\x1a\n"));
  core::write_atomically(folder / "a12.raw", std::string_view("NRRD0004\n"));
  std::filesystem::create_directories(folder / "more.png");
  EXPECT_THAT(names_in(folder.path()),
              ::testing::ElementsAre("a2.TIF", "a10.png", "a11", "a12.raw"));
}

TEST(ImageFiles, AreNoneInWhatIsOpenedAsAWhole) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "zarr.json", std::string_view("{}"));
  core::write_atomically(folder / "thumbnail.png", std::string_view("x"));
  EXPECT_TRUE(image_files(folder.path()).empty());
  EXPECT_TRUE(image_files(folder / "thumbnail.png").empty());
  EXPECT_TRUE(image_files(folder / "absent").empty());
}

TEST(ImageFiles, StemsLeaveOutSecondExtensions) {
  EXPECT_EQ(item_stem("set/a.png"), "set_a");
  EXPECT_EQ(item_stem("a.v2 z=3"), "a.v2 z=3");
  EXPECT_EQ(item_stem("a.v2"), "a.v2");
  EXPECT_EQ(item_stem("a.MHA"), "a");
  EXPECT_EQ(item_stem("a.nii.gz"), "a");
  EXPECT_EQ(image_stem("x/a.png"), "a");
  EXPECT_EQ(image_stem("a.ome.tif"), "a");
  EXPECT_EQ(image_stem("a.OME.TIFF"), "a");
  EXPECT_EQ(image_stem("a.nii.gz"), "a");
  EXPECT_EQ(image_stem("a.v2.png"), "a.v2");
}

}  // namespace
}  // namespace retina::store
