#include "retina/core/version.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/source_dir.h"

namespace retina::core {
namespace {

TEST(Version, IsThatOfTheBuild) {
  EXPECT_THAT(read_text(testing::source_dir() / "CMakeLists.txt"),
              ::testing::HasSubstr(std::string("project(retina VERSION ") + kProgramVersion + " "));
}

}  // namespace
}  // namespace retina::core
