#include "retina/store/folder_walk.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

namespace fs = std::filesystem;

Visit list_leaves(const fs::path& folder) {
  return fs::is_empty(folder) ? Visit::list : Visit::descend;
}

TEST(FolderWalk, ListsInNaturalOrder) {
  const testing::TempFolder folder;
  for (const char* name : {"a/s10", "a/s2", "b", ".hidden/c"}) {
    fs::create_directories(folder / name);
  }
  EXPECT_THAT(folders_below(folder.path(), list_leaves),
              ::testing::ElementsAre("a/s2", "a/s10", "b"));
}

TEST(FolderWalk, EndsInACircleOfLinks) {
  const testing::TempFolder folder;
  fs::create_directories(folder / "a/b");
  fs::create_directory_symlink("..", folder / "a/up");
  fs::create_directory_symlink(".", folder / "self");
  fs::create_directory_symlink("nowhere", folder / "broken");
  EXPECT_THAT(folders_below(folder.path(), list_leaves), ::testing::ElementsAre("a/b"));
}

TEST(FolderWalk, ListsNoMoreThanAMessageHolds) {
  EXPECT_EQ(listed_choices("x.n5", {"a", "b/c"}), "x.n5:a, x.n5:b/c");
  const std::vector<std::string> many(25, "a");
  EXPECT_THAT(listed_choices("x", many), ::testing::EndsWith("x:a and 5 more"));
}

}  // namespace
}  // namespace retina::store
