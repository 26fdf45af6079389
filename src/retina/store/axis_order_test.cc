#include "retina/store/axis_order.h"

#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::store {
namespace {

TEST(AxisOrder, PutsAnyOrderIntoCzyx) {
  const AxisOrder order = order_axes("tzyxc", {1, 4, 5, 6, 2});
  EXPECT_EQ(order.shape, (Index4{2, 4, 5, 6}));
  EXPECT_EQ(order.stride, (Index4{1, 60, 12, 2}));
  EXPECT_THAT(order.order, ::testing::ElementsAre(1, 2, 3, 0));
  EXPECT_EQ(sides_in_order("tzyxc", order.shape), (std::vector<std::int64_t>{1, 4, 5, 6, 2}));
}

TEST(AxisOrder, PutsAbsentAxesFirst) {
  const AxisOrder order = order_axes("xy", {6, 5});
  EXPECT_EQ(order.shape, (Index4{1, 1, 5, 6}));
  EXPECT_THAT(order.order, ::testing::ElementsAre(0, 1, 3, 2));
}

TEST(AxisOrder, RefusesWhatIsNoImage) {
  EXPECT_THROW(order_axes("zyy", {2, 2, 2}), Error);
  EXPECT_THROW(order_axes("zcx", {2, 2, 2}), Error);
  EXPECT_THROW(order_axes("zyx", {2, 2}), Error);
  EXPECT_THROW(order_axes("tzyx", {2, 2, 2, 2}), Error);
  EXPECT_THROW(order_axes("zyx", {2, 0, 2}), Error);
  const std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_THROW(order_axes("zyx", {huge, huge, huge}), Error);
}

TEST(AxisOrder, GathersATransposedBlock) {
  const std::vector<std::uint16_t> stored{0, 1, 2, 3, 4, 5};  // x = 3 slowest, y = 2
  core::Array target(core::DType::u16, 1, {1, 3, 4});
  gather(std::as_bytes(std::span(stored)), order_axes("xy", {3, 2}).stride, target, {0, 0, 1, 1},
         {1, 1, 2, 3});
  EXPECT_THAT(target.values<std::uint16_t>(),
              ::testing::ElementsAre(0, 0, 0, 0, 0, 0, 2, 4, 0, 1, 3, 5));
}

}  // namespace
}  // namespace retina::store
