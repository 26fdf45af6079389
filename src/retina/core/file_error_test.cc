#include "retina/core/file_error.h"

#include <new>
#include <stdexcept>

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
  EXPECT_THAT(error.what(), ::testing::HasSubstr("'a' -> 'b': cannot rename: No such file"));
}

TEST(FileError, APathIsQuotedAndTheOperationIsTold) {
  const Error error = translated(std::errc::not_a_directory);
  EXPECT_EQ(std::string(error.what()),
            "'/data/run': cannot create: Not a directory; check the path");
}

TEST(FileError, AnyExceptionIsTranslatedByWhatItMeans) {
  const auto kind = [](const std::exception& error) { return error_of(error).kind(); };
  EXPECT_EQ(kind(Error(ErrorKind::usage, "flag")), ErrorKind::usage);
  EXPECT_EQ(kind(std::bad_alloc()), ErrorKind::resource);
  EXPECT_EQ(kind(std::filesystem::filesystem_error(
                "cannot create", "/data/run", std::make_error_code(std::errc::not_a_directory))),
            ErrorKind::bad_data);
  const std::runtime_error defect("shapes differ\nException raised from f at g.cpp:1\nframe #0");
  EXPECT_EQ(kind(defect), ErrorKind::internal);
  const std::exception& any = defect;
  EXPECT_EQ(std::string(error_of(any).what()), "shapes differ");
}

}  // namespace
}  // namespace retina::core
