#include "retina/pipeline/check/plane_reader.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

std::vector<data::Slice> hundred_slices() {
  return data::slices_across({100, 8, 8}, 0, 0, 1);
}

TEST(ChosenSlices, AreAllWithinTheLimit) {
  EXPECT_EQ(chosen_slices(hundred_slices(), 100), hundred_slices());
  EXPECT_EQ(chosen_slices(hundred_slices(), 4000), hundred_slices());
  EXPECT_TRUE(chosen_slices({}, 10).empty());
}

TEST(ChosenSlices, AreASampleInItsOrderAndTheSameEachTime) {
  const std::vector<data::Slice> all = hundred_slices();
  const std::vector<data::Slice> chosen = chosen_slices(all, 10);
  ASSERT_EQ(chosen.size(), 10U);
  for (std::size_t i = 1; i < chosen.size(); ++i) {
    EXPECT_LT(chosen[i - 1].index, chosen[i].index);
  }
  EXPECT_FALSE(std::equal(chosen.begin(), chosen.end(), all.begin())) << "the first ones";
  EXPECT_EQ(chosen_slices(all, 10), chosen);
}

}  // namespace
}  // namespace retina::pipeline
