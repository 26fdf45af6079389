#include "retina/pipeline/held_out_validator.h"

#include <gtest/gtest.h>

namespace retina::pipeline {
namespace {

TEST(HeldOutValidator, ChosenSlicesAreEvenlySpaced) {
  std::vector<data::Slice> slices;
  for (int i = 0; i < 10; ++i) {
    slices.push_back({.volume = i, .axis = 0, .index = 0});
  }
  const auto two = evenly_spaced(slices, 2);
  ASSERT_EQ(two.size(), 2U);
  EXPECT_EQ(two[0].volume, 2);
  EXPECT_EQ(two[1].volume, 7);
  EXPECT_EQ(evenly_spaced(slices, 0).size(), 10U);
  EXPECT_EQ(evenly_spaced(slices, 99).size(), 10U);
}

TEST(HeldOutValidator, MeanIsOverClasses) {
  const ValidationScores scores{.classes = {{"a", 0.5, 0.1}, {"b", 1.0, 0.1}}, .samples = {}};
  EXPECT_DOUBLE_EQ(scores.mean_iou(), 0.75);
}

}  // namespace
}  // namespace retina::pipeline
