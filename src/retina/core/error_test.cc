#include "retina/core/error.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina {
namespace {

using ::testing::HasSubstr;

TEST(Error, MessageHasSubjectFoundExpectedAndRemedy) {
  const Error error(ErrorKind::bad_data, Problem{"a.png", "512 x 300", "512 x 512", "crop it"});
  EXPECT_STREQ(error.what(), "a.png: 512 x 300, expected 512 x 512; crop it");
}

TEST(Error, ContextIsPutInFrontAndKindIsKept) {
  const Error error = Error(ErrorKind::resource, "disk full").within("writing x.zarr");
  EXPECT_STREQ(error.what(), "writing x.zarr: disk full");
  EXPECT_EQ(error.kind(), ErrorKind::resource);
}

TEST(Error, RemedyIsPutBehindAndKindIsKept) {
  const Error error = Error(ErrorKind::bad_data, "a.json: no JSON").with_remedy("remove it");
  EXPECT_STREQ(error.what(), "a.json: no JSON; remove it");
  EXPECT_EQ(error.kind(), ErrorKind::bad_data);
}

TEST(Error, ExitCodesAreThoseOfTheCommandLine) {
  EXPECT_EQ(exit_code(ErrorKind::internal), 1);
  EXPECT_EQ(exit_code(ErrorKind::usage), 2);
  EXPECT_EQ(exit_code(ErrorKind::bad_data), 3);
  EXPECT_EQ(exit_code(ErrorKind::resource), 4);
  EXPECT_EQ(exit_code(ErrorKind::interrupted), 5);
}

TEST(Error, AllProblemsAreReportedAtOnce) {
  EXPECT_NO_THROW(throw_if_any(ErrorKind::usage, "nothing", {}));
  try {
    throw_if_any(ErrorKind::usage, "two problems", {{.subject = "a"}, {.subject = "b"}});
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("- a"));
    EXPECT_THAT(error.what(), HasSubstr("- b"));
  }
}

TEST(Error, OneProblemKeepsTheHeadlineAndTheRemedyOfAll) {
  const std::vector<Problem> one{{.subject = "a", .found = "missing"}};
  EXPECT_EQ(list_problems("weights 'w'", one), "weights 'w': a: missing");
  EXPECT_EQ(list_problems("weights 'w'", one, "take others"),
            "weights 'w': a: missing; take others");
  const std::vector<Problem> two{{.subject = "a"}, {.subject = "b"}};
  EXPECT_EQ(list_problems("weights 'w'", two, "take others"),
            "weights 'w' (2):\n  - a\n  - b\n  take others");
}

}  // namespace
}  // namespace retina
