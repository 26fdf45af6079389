#include "retina/metric/distance.h"

#include <cmath>

#include <gtest/gtest.h>

#include "retina/testing/stopping_context.h"

namespace retina::metric {
namespace {

using core::Array;
using core::DType;

Array line_mask(std::initializer_list<std::int64_t> positions) {
  Array mask(DType::u8, 1, {1, 1, 20});
  for (const std::int64_t x : positions) {
    mask.at<std::uint8_t>(0, 0, 0, x) = 1;
  }
  return mask;
}

TEST(Distance, HasBothDirectionsInTheUnitOfTheSampling) {
  const auto found =
      false_distances(line_mask({0, 4, 10}), line_mask({4}), {1, 1, 2.5}, core::silent_context());
  EXPECT_DOUBLE_EQ(found.prediction_to_truth->mean, 2.5 * (4 + 0 + 6) / 3);
  EXPECT_DOUBLE_EQ(found.prediction_to_truth->median, 2.5 * 4);
  EXPECT_DOUBLE_EQ(found.prediction_to_truth->max, 2.5 * 6);
  EXPECT_DOUBLE_EQ(found.truth_to_prediction->mean, 0);
  EXPECT_DOUBLE_EQ(found.mean_false_distance().value(), 2.5 * 10 / 6);
  EXPECT_DOUBLE_EQ(found.mean_false_distance(DirectedStatistic::max).value(), 2.5 * 3);
}

TEST(Distance, IsUndefinedWhereEitherSideIsEmpty) {
  const auto no_truth =
      false_distances(line_mask({3}), line_mask({}), {1, 1, 1}, core::silent_context());
  EXPECT_FALSE(no_truth.prediction_to_truth || no_truth.truth_to_prediction);
  EXPECT_FALSE(no_truth.mean_false_distance());
  EXPECT_FALSE(false_distances(line_mask({}), line_mask({3}), {1, 1, 1}, core::silent_context())
                   .mean_false_distance());
}

TEST(Distance, StopsOnRequest) {
  const core::Context context =
      testing::stopping_context([](const testing::Reported&) { return true; });
  context.progress->begin("a job", 1, "images");
  try {
    false_distances(line_mask({3}), line_mask({4}), {1, 1, 1}, context);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
}

TEST(Distance, StatisticsOfAnEvenNumberTakeTheMiddleOfTheTwo) {
  const auto statistics = summarise({4, 1, 2, 9});
  EXPECT_DOUBLE_EQ(statistics->median, 3);
  EXPECT_DOUBLE_EQ(statistics->sd, std::sqrt((0 + 9 + 4 + 25) / 4.0));
}

}  // namespace
}  // namespace retina::metric
