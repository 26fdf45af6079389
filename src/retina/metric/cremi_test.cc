#include "retina/metric/cremi.h"

#include <gtest/gtest.h>

namespace retina::metric {
namespace {

using core::Array;
using core::DType;

Array column_mask(std::initializer_list<std::int64_t> sections) {
  Array mask(DType::u8, 1, {12, 1, 1});
  for (const std::int64_t z : sections) {
    mask.at<std::uint8_t>(0, z, 0, 0) = 1;
  }
  return mask;
}

TEST(Cremi, MeasuresInNanometresAndCountsVoxelsBeyondTheThreshold) {
  const CremiScores scores =
      cremi_clefts(column_mask({0, 5, 6}), column_mask({0}), {}, core::silent_context());
  EXPECT_DOUBLE_EQ(scores.adgt().value(), (0 + 200 + 240) / 3.0);
  EXPECT_DOUBLE_EQ(scores.adf().value(), 0);
  EXPECT_DOUBLE_EQ(scores.score().value(), 220 / 3.0);
  EXPECT_EQ(scores.false_positives.beyond_threshold, 1);  // 200 nm is not beyond 200 nm
  EXPECT_EQ(scores.false_negatives.beyond_threshold, 0);
}

TEST(Cremi, IsUndefinedForAnEmptyPrediction) {
  const CremiScores scores =
      cremi_clefts(column_mask({}), column_mask({4}), {}, core::silent_context());
  EXPECT_FALSE(scores.adgt() || scores.adf() || scores.score());
  EXPECT_EQ(scores.false_positives.beyond_threshold, 0);
  EXPECT_FALSE(scores.false_negatives.beyond_threshold);
  EXPECT_EQ(scores.false_negatives.count, 1);
}

}  // namespace
}  // namespace retina::metric
