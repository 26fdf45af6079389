#include "retina/report/plot.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::report {
namespace {

using ::testing::DoubleNear;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pointwise;

TEST(Plot, TicksAreRoundAndCoverTheRange) {
  EXPECT_THAT(ticks(0, 1, 5), Pointwise(DoubleNear(1e-12), {0.0, 0.2, 0.4, 0.6, 0.8, 1.0}));
  EXPECT_THAT(ticks(13, 97, 4), Pointwise(DoubleNear(1e-9), {0.0, 50.0, 100.0}));
}

TEST(Plot, DrawsEveryCurveWithItsLegend) {
  const std::string svg = svg_plot("step", {{"loss", {{0, 1}, {1, 0.5}}}, {"a<b", {{0, 2}}}});
  EXPECT_THAT(svg, HasSubstr("class=\"curve c0\""));
  EXPECT_THAT(svg, HasSubstr("class=\"curve c1\""));
  EXPECT_THAT(svg, HasSubstr("a&lt;b"));
  EXPECT_THAT(svg, HasSubstr(">step</text>"));
}

TEST(Plot, ABandLiesAroundItsCurveAndWithinTheAxes) {
  const std::string svg = svg_plot("step", {{"iou", {{0, 0.5}, {1, 0.5}}, {0.5, 0.25}}});
  EXPECT_THAT(svg, HasSubstr("<polygon class=\"band c0\" points=\"62.0,12.0 "));
  EXPECT_THAT(svg, HasSubstr("62.0,258.0 \"/>"));
  EXPECT_THAT(svg_plot("step", {{"iou", {{0, 0.5}}}}), Not(HasSubstr("band")));
}

TEST(Plot, ValuesThatAreNotFiniteAreLeftOut) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string svg = svg_plot("step", {{"loss", {{0, nan}, {1, 2}, {2, 3}}}, {"empty", {}}});
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace retina::report
