#include "retina/data/options.h"

#include <gtest/gtest.h>

namespace retina::data {
namespace {

TEST(DataOptions, DefaultsAreValid) {
  EXPECT_TRUE(DataOptions{}.validate().empty());
}

TEST(DataOptions, AllProblemsAreReportedAtOnce) {
  DataOptions options;
  options.axes = {"xy", "zx"};
  options.slices = "5";
  options.every = 0;
  options.labels = {{"one", 1}, {"3", 400}};
  options.input_range = {5, 1};
  EXPECT_EQ(options.validate().size(), 6U);
}

TEST(DataOptions, AClassThatIsNamedTwiceIsAProblem) {
  EXPECT_FALSE(repeated_class({}));
  EXPECT_FALSE(repeated_class({"mito", "lyso"}));
  const std::optional<Problem> problem = repeated_class({"mito", "lyso", "mito"});
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->found, "'mito' twice");
}

TEST(DataOptions, RangesAreHalfOpenAndLimited) {
  EXPECT_EQ(parse_range("2:5", 10).stop, 5);
  EXPECT_EQ(parse_range("12:", 15).first, 12);
  EXPECT_EQ(parse_range(":12", 10).stop, 10);
  EXPECT_EQ(parse_range("", 10).stop, 10);
  EXPECT_THROW(parse_range("5:2", 10), Error);
  EXPECT_THROW(parse_range("a:2", 10), Error);
}

TEST(DataOptions, PlanesNameTheAxisTheyAreCutAcross) {
  EXPECT_EQ(axis_of_plane("xy"), 0);
  EXPECT_EQ(axis_of_plane("xz"), 1);
  EXPECT_EQ(axis_of_plane("yz"), 2);
  EXPECT_THROW(axis_of_plane("zy"), Error);
}

}  // namespace
}  // namespace retina::data
