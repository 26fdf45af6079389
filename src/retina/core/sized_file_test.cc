#include "retina/core/sized_file.h"

#include <array>
#include <string>

#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/testing/file_size_limit.h"
#include "retina/testing/temp_folder.h"

namespace retina::core {
namespace {

TEST(SizedFile, IsZeroWhereNothingWasWrittenAndContinuesAnEarlierFile) {
  const testing::TempFolder folder;
  const std::array<std::byte, 3> some{std::byte{1}, std::byte{2}, std::byte{3}};
  SizedFile(folder / "a", 10).write(some, 4);
  const SizedFile file(folder / "a", 10);
  file.sync();
  std::array<std::byte, 6> found{};
  file.read(found, 3);
  EXPECT_EQ(found, (std::array<std::byte, 6>{std::byte{0}, std::byte{1}, std::byte{2}, std::byte{3},
                                             std::byte{0}, std::byte{0}}));
  EXPECT_EQ(std::filesystem::file_size(folder / "a"), 10U);
}

TEST(SizedFile, FailuresNameTheFile) {
  const testing::TempFolder folder;
  EXPECT_THROW(SizedFile(folder / "missing/a", 10), Error);
  std::array<std::byte, 4> beyond{};
  EXPECT_THROW(SizedFile(folder / "a", 2).read(beyond, 0), Error);
}

TEST(SizedFile, GrowsWithoutASizeAndSaysWhereItEnds) {
  const testing::TempFolder folder;
  const std::array<std::byte, 3> some{std::byte{1}, std::byte{2}, std::byte{3}};
  const SizedFile file(folder / "a");
  EXPECT_EQ(file.size(), 0);
  file.write(some, 4);
  EXPECT_EQ(file.size(), 7);
  EXPECT_EQ(SizedFile(folder / "a").size(), 7);
  std::array<std::byte, 4> beyond{};
  try {
    file.read(beyond, 5);
    FAIL() << "read beyond the end";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_NE(std::string(error.what()).find("ends at byte 7"), std::string::npos);
  }
}

TEST(SizedFile, TellsWhetherThereIsRoomAndTakesNone) {
  const testing::TempFolder folder;
  const SizedFile file(folder / "a", 10);
  const testing::FileSizeLimit limit(1 << 20);
  const bool can_tell = file.has_room_for(1 << 19);
  EXPECT_EQ(file.size(), 10);
  if (!can_tell) {
    GTEST_SKIP() << "absent: fallocate on this file system";
  }
  try {
    file.has_room_for(1 << 21);
    FAIL() << "room beyond the limit";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_NE(std::string(error.what()).find("2.0 MiB cannot be reserved"), std::string::npos);
  }
  EXPECT_EQ(file.size(), 10);
}

TEST(SizedFile, WhatMayNotBeWrittenIsNoLackOfSpace) {
  const testing::TempFolder folder;
  try {
    SizedFile(folder.path(), 10);  // a folder
    FAIL() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
  }
}

}  // namespace
}  // namespace retina::core
