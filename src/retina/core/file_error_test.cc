#include "retina/core/file_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::core {
namespace {

Error translated(std::errc code) {
  return error_of(
      std::filesystem::filesystem_error("cannot create", "/data/run", std::make_error_code(code)));
}

TEST(FileError, AFullDiskIsALackOfAResource) {
  const Error error = translated(std::errc::no_space_on_device);
  EXPECT_EQ(error.kind(), ErrorKind::resource);
  EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("/data/run"),
                                             ::testing::HasSubstr("free some space")));
}

TEST(FileError, WhatMayNotBeWrittenIsBadDataWithARemedy) {
  for (const std::errc code : {std::errc::permission_denied, std::errc::read_only_file_system}) {
    const Error error = translated(code);
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::AllOf(::testing::HasSubstr("/data/run"),
                                               ::testing::HasSubstr("choose")));
  }
}

TEST(FileError, BothPathsAreNamed) {
  const Error error = error_of(std::filesystem::filesystem_error(
      "cannot rename", "a", "b", std::make_error_code(std::errc::no_such_file_or_directory)));
  EXPECT_THAT(error.what(), ::testing::HasSubstr("a -> b"));
}

}  // namespace
}  // namespace retina::core
