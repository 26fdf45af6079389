#include "retina/core/replace_folder.h"

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::core {
namespace {

void make_folder(const fs::path& folder, const char* content) {
  fs::create_directories(folder);
  write_atomically(folder / "x", content);
}

TEST(ReplaceFolder, TheNewOneIsInPlaceAndNothingElseIsLeft) {
  const testing::TempFolder folder;
  make_folder(folder / "model", "old");
  make_folder(folder / "fresh", "new");
  replace_folder(folder / "fresh", folder / "model");
  EXPECT_EQ(read_text(folder / "model/x"), "new");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()), 1);
}

TEST(ReplaceFolder, AKillBetweenTheRenamesIsMended) {
  const testing::TempFolder folder;
  make_folder(replaced_path(folder / "model"), "old");
  make_folder(folder / ".model.partial", "new");
  recover_replaced(folder / "model");
  EXPECT_EQ(read_text(folder / "model/x"), "old");
  EXPECT_FALSE(fs::exists(replaced_path(folder / "model")));
}

TEST(ReplaceFolder, AKillBeforeTheRemovalLeavesTheNewOne) {
  const testing::TempFolder folder;
  make_folder(replaced_path(folder / "model"), "old");
  make_folder(folder / "model", "new");
  recover_replaced(folder / "model");
  EXPECT_EQ(read_text(folder / "model/x"), "new");
  EXPECT_FALSE(fs::exists(replaced_path(folder / "model")));
}

}  // namespace
}  // namespace retina::core
