#include "retina/pipeline/evaluate/class_selection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::pipeline {
namespace {

using ::testing::ElementsAre;

TEST(ClassSelection, PlainNamesAreClassesFromOneOn) {
  EXPECT_THAT(parse_classes({"mitochondria", "nuclei"}),
              ElementsAre(NamedClass{1, "mitochondria"}, NamedClass{2, "nuclei"}));
}

TEST(ClassSelection, ALeadingBackgroundIsZeroAndNotListed) {
  EXPECT_THAT(parse_classes({"background", "mitochondria"}),
              ElementsAre(NamedClass{1, "mitochondria"}));
}

TEST(ClassSelection, IdsMayHaveNames) {
  EXPECT_THAT(
      parse_classes({"3", "7=clefts", "-1=rest"}),
      ElementsAre(NamedClass{3, "class 3"}, NamedClass{7, "clefts"}, NamedClass{-1, "rest"}));
}

TEST(ClassSelection, AllProblemsAreListedAtOnce) {
  try {
    parse_classes({"1=a", "1=b", "nuclei", "2="});
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("with and without ids"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("id 1 twice"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("'2='"));
  }
}

}  // namespace
}  // namespace retina::pipeline
