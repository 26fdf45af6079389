#include "retina/core/durable.h"

#include <cerrno>
#include <string>

#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/replace_folder.h"
#include "retina/testing/temp_folder.h"

namespace retina::core {
namespace {

TEST(Durable, DiscardRemovesAFolderAsAWhole) {
  const testing::TempFolder folder;
  fs::create_directories(folder / "a/b");
  write_atomically(folder / "a/b/x", "1");
  discard(folder / "a");
  discard(folder / "a");
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Durable, DiscardRemovesWhatAKilledOneLeft) {
  const testing::TempFolder folder;
  fs::create_directories(replaced_path(folder / "a") / "b");
  discard(folder / "a");
  EXPECT_TRUE(fs::is_empty(folder.path()));
}

TEST(Durable, SystemFailuresSayWhatAndWhere) {
  const Error full = system_failure("/out/a.zarr", "cannot be written", ENOSPC);
  EXPECT_EQ(full.kind(), ErrorKind::resource);
  EXPECT_NE(std::string(full.what()).find("'/out/a.zarr': cannot be written"), std::string::npos);
}

TEST(Durable, LeftoversAreHiddenAndNamedSo) {
  const testing::TempFolder folder;
  fs::create_directories(folder / "run/.a.partial");
  fs::create_directories(folder / "run/b.partial");
  for (const char* name : {"run/.a.partial/x", "run/.c.lock", ".d.old", ".keep", "run/e.lock"}) {
    write_atomically(folder / name, "1");
  }
  remove_leftovers(folder.path());
  for (const char* gone : {"run/.a.partial", "run/.c.lock", ".d.old"}) {
    EXPECT_FALSE(fs::exists(folder / gone)) << gone;
  }
  for (const char* kept : {"run/b.partial", ".keep", "run/e.lock"}) {
    EXPECT_TRUE(fs::exists(folder / kept)) << kept;
  }
}

TEST(Durable, WhatCannotBeSyncedIsNamed) {
  const testing::TempFolder folder;
  EXPECT_THROW(sync_file(folder / "none"), Error);
}

}  // namespace
}  // namespace retina::core
