#include "retina/store/positioned_file.h"

#include <array>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

std::string message_of_opening(const std::filesystem::path& path) {
  try {
    const PositionedFile file(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "opened";
}

TEST(PositionedFile, ReadsWhereItIsAskedTo) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "a", std::string_view("0123456789"));
  const PositionedFile file(folder / "a");
  EXPECT_EQ(file.size(), 10);
  std::array<std::byte, 3> some{};
  file.read(4, some);
  EXPECT_EQ(some, (std::array<std::byte, 3>{std::byte{'4'}, std::byte{'5'}, std::byte{'6'}}));
  EXPECT_THROW(file.read(8, some), Error);
}

TEST(PositionedFile, RefusesWhatIsNoFileWithoutWaiting) {
  const testing::TempFolder folder;
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(message_of_opening(folder / "pipe"), ::testing::HasSubstr("not a regular file"));
  EXPECT_THAT(message_of_opening(folder.path()), ::testing::HasSubstr("not a regular file"));
  EXPECT_THAT(message_of_opening(folder / "none"), ::testing::HasSubstr("none"));
}

}  // namespace
}  // namespace retina::store
