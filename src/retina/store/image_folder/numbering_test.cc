#include "retina/store/image_folder/numbering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::store {
namespace {

TEST(Numbering, ReportsGaps) {
  EXPECT_THAT(numbering_gaps({"s_1", "s_2", "s_5", "s_7"}, 8),
              ::testing::ElementsAre("slices missing between s_2 and s_5: 3 to 4",
                                     "slice missing between s_5 and s_7: 6"));
}

TEST(Numbering, CountsTheLastNumberOfAName) {
  EXPECT_TRUE(numbering_gaps({"day3_z09_raw", "day3_z10_raw"}, 8).empty());
  EXPECT_EQ(numbering_gaps({"day3_z09_raw", "day3_z11_raw"}, 8).size(), 1U);
}

TEST(Numbering, NamesThatAreNoSequenceHaveNoGaps) {
  EXPECT_TRUE(numbering_gaps({"a1", "b7", "plain"}, 8).empty());
}

TEST(Numbering, LongListsAreCut) {
  const auto lines = numbering_gaps({"1", "3", "5", "7", "9"}, 2);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[1], "3 more gaps in the numbering");
}

}  // namespace
}  // namespace retina::store
