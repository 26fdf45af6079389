#include "retina/metric/instance_match.h"

#include <gtest/gtest.h>

#include "retina/metric/class_mask.h"

namespace retina::metric {
namespace {

using core::Array;
using core::DType;

Array dotted_mask(std::initializer_list<std::pair<std::int64_t, std::int64_t>> points) {
  Array mask(DType::u8, 1, {1, 8, 8});
  for (const auto& [y, x] : points) {
    mask.at<std::uint8_t>(0, 0, y, x) = 1;
  }
  return mask;
}

TEST(InstanceMatch, KeepsWholePredictedObjectsThatTouchATrueOne) {
  const Array prediction = dotted_mask({{1, 1}, {2, 2}, {6, 6}});
  const auto match = match_instances(prediction, dotted_mask({{1, 1}}));
  EXPECT_EQ(match.matched, dotted_mask({{1, 1}, {2, 2}}));
  EXPECT_TRUE(match.truth_has_background);
}

TEST(InstanceMatch, LosesTheObjectOfATruthWithoutBackgroundAndSaysSo) {
  Array full(DType::u8, 1, {1, 8, 8});
  for (auto& value : full.values<std::uint8_t>()) {
    value = 1;
  }
  const auto match = match_instances(full, full);
  EXPECT_EQ(count_voxels(match.matched), 0);
  EXPECT_FALSE(match.truth_has_background);
}

}  // namespace
}  // namespace retina::metric
