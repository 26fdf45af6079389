#include "retina/store/location.h"

#include <fstream>

#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

TEST(Location, SplitsAtTheColonAfterAnExistingContainer) {
  const testing::TempFolder folder;
  std::ofstream(folder / "file.h5") << "x";
  const Location location = parse_location((folder / "file.h5").string() + ":/raw/image/");
  EXPECT_EQ(location.file, folder / "file.h5");
  EXPECT_EQ(location.inner, "raw/image");
}

TEST(Location, KeepsNamesThatExistWithAColon) {
  const testing::TempFolder folder;
  std::ofstream(folder / "a:b.tif") << "x";
  const Location location = parse_location((folder / "a:b.tif").string());
  EXPECT_EQ(location.file, folder / "a:b.tif");
  EXPECT_EQ(location.inner, "");
}

TEST(Location, SplitsZarrThatDoesNotExistYet) {
  const Location location = parse_location("/nowhere/x.zarr:/labels/cells");
  EXPECT_EQ(location.file, "/nowhere/x.zarr");
  EXPECT_EQ(location.inner, "labels/cells");
}

TEST(Location, SplitsHdf5ThatDoesNotExistYet) {
  const Location location = parse_location("/nowhere/x.HDF5:/labels/cells");
  EXPECT_EQ(location.file, "/nowhere/x.HDF5");
  EXPECT_EQ(location.inner, "labels/cells");
}

TEST(Location, TheChannelComesLast) {
  const testing::TempFolder folder;
  std::ofstream(folder / "a.tif") << "x";
  std::ofstream(folder / "b:c=1") << "x";
  const std::string file = (folder / "a.tif").string();
  EXPECT_EQ(parse_location(file + ":c=2").file, file);
  EXPECT_EQ(parse_location(file + ":c=2").inner, "");
  EXPECT_EQ(parse_location(file + ":c=2").channel, 2);
  EXPECT_EQ(parse_location(file + ":t=1,c=0").inner, "t=1");
  EXPECT_EQ(parse_location(file + ":t=1,c=0").channel, 0);
  EXPECT_EQ(parse_location("/nowhere/x.zarr/:c=1").file, "/nowhere/x.zarr");
  EXPECT_EQ(parse_location("/nowhere/x.h5:/raw:c=1").inner, "raw");
  EXPECT_EQ(parse_location((folder / "b:c=1").string()).channel, std::nullopt) << "its name";
  for (const char* other : {":c=", ":c=-1", ":c=1x", ":cc=1", ":c=99999999999"}) {
    EXPECT_EQ(parse_location(file + other).channel, std::nullopt) << other;
    EXPECT_NE(parse_location(file + other).inner, "") << other;
  }
}

TEST(Location, IgnoresTrailingSlashes) {
  EXPECT_EQ(parse_location("/a/b/").file, "/a/b");
}

TEST(Location, ExtensionIsLowerCase) {
  EXPECT_EQ(extension_of("a/B.TIF"), ".tif");
}

TEST(Location, RecognisesTheFirstBytes) {
  const testing::TempFolder folder;
  std::ofstream(folder / "short") << "ab";
  EXPECT_TRUE(begins_with(folder / "short", "ab"));
  EXPECT_FALSE(begins_with(folder / "short", "abc"));
  EXPECT_FALSE(begins_with(folder.path(), "a"));
}

TEST(Location, AbsentIsToldFromNotReadable) {
  const testing::TempFolder folder;
  std::ofstream(folder / "a") << "x";
  EXPECT_TRUE(is_present(folder / "a"));
  EXPECT_FALSE(is_present(folder / "b"));
  EXPECT_THROW(is_present(folder / std::string(300, 'n')), Error);  // too long a name to look for
}

}  // namespace
}  // namespace retina::store
