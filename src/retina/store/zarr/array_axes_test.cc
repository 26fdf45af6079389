#include "retina/store/zarr/array_axes.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::store {
namespace {

StatedAxes axes_of(const std::vector<std::string>& names, std::size_t rank) {
  return plain_axes("file", rank, names, {});
}

TEST(ArrayAxes, NamesInAnyCaseSayTheAxes) {
  EXPECT_EQ(axes_of({"X", "Y", "Z"}, 3).axes, "xyz");
  EXPECT_EQ(axes_of({"channel", "z", "y", "x"}, 4).axes, "czyx");
  EXPECT_TRUE(axes_of({"c", "y", "x"}, 3).notes.empty());
}

TEST(ArrayAxes, WithoutNamesTwoAndThreeDimensionsAreStated) {
  EXPECT_EQ(axes_of({}, 2).axes, "yx");
  EXPECT_THAT(axes_of({"dim_0", "dim_1", "dim_2"}, 3).notes,
              ::testing::ElementsAre(
                  ::testing::AllOf(::testing::HasSubstr("dim_0"), ::testing::HasSubstr("--axes"))));
  EXPECT_EQ(axes_of({"y", "y", "x"}, 3).axes, "zyx");
}

TEST(ArrayAxes, MoreDimensionsNeedAWord) {
  EXPECT_THROW(axes_of({}, 4), Error);
  OpenOptions options;
  options.axes = "zyxc";
  EXPECT_EQ(plain_axes("file", 4, {}, options).axes, "zyxc");
}

TEST(ArrayAxes, ArrangesValues) {
  const ArrayAxes order("file", "xyc", {3, 1, 2});
  EXPECT_EQ(order.canonical({3, 1, 2}), (Index4{2, 1, 1, 3}));
  EXPECT_EQ(order.stored({5, 0, 6, 7}), (Sides{7, 6, 5}));
  std::vector<std::byte> values;
  for (const int value : {1, 2, 3, 4, 5, 6}) {
    values.push_back(static_cast<std::byte>(value));
  }
  const core::Array array = order.arrange(values, core::DType::u8, {3, 1, 2});
  EXPECT_THAT(array.values<std::uint8_t>(), ::testing::ElementsAre(1, 3, 5, 2, 4, 6));
}

TEST(ArrayAxes, RefusesWhatIsNoAxes) {
  EXPECT_THROW(ArrayAxes("file", "zyx", {2, 2}), Error);
  EXPECT_THROW(ArrayAxes("file", "zyw", {2, 2, 2}), Error);
  EXPECT_THROW(ArrayAxes("file", "czx", {2, 2, 2}), Error);
  EXPECT_THROW(ArrayAxes("file", "tyx", {2, 2, 2}), Error);
}

}  // namespace
}  // namespace retina::store
