#include "retina/data/label_index.h"

#include <set>

#include <gtest/gtest.h>

#include "retina/data/dataset.h"

namespace retina::data {
namespace {

core::Array mask(const std::vector<std::uint8_t>& values, std::int64_t width) {
  core::Array array(core::DType::u8, 1,
                    {1, static_cast<std::int64_t>(values.size()) / width, width});
  std::copy(values.begin(), values.end(), array.values<std::uint8_t>().begin());
  return array;
}

TEST(LabelIndex, EveryForegroundPixelIsPickedOnce) {
  const LabelIndex index = foreground_of(mask({0, 1, 1, 2, 0, 0, 0, kIgnore, 1}, 3));
  ASSERT_EQ(index.pixels(), 4);
  std::set<std::pair<std::int64_t, std::int64_t>> picked;
  for (int k = 0; k < 4; ++k) {
    const core::Vec3 pixel = index.pick((k + 0.5) / 4).value();
    picked.emplace(pixel[1], pixel[2]);
  }
  EXPECT_EQ(picked,
            (std::set<std::pair<std::int64_t, std::int64_t>>{{0, 1}, {0, 2}, {1, 0}, {2, 2}}));
}

TEST(LabelIndex, EmptyAndIgnoredPlanesHaveNone) {
  EXPECT_FALSE(foreground_of(mask({0, kIgnore, 0, 0}, 2)).pick(0.5).has_value());
  EXPECT_FALSE(LabelIndex().pick(0.5).has_value());
}

TEST(LabelIndex, RunAtTheEndIsClosed) {
  const LabelIndex index = foreground_of(mask({0, 0, 3, 3}, 2));
  EXPECT_EQ(index.pixels(), 2);
  EXPECT_EQ(index.pick(0.999), (core::Vec3{0, 1, 1}));
}

TEST(LabelIndex, KnownPixelsAreListedOnlyWhereSomeAreNot) {
  const LabelIndex index = known_of_partly_known(mask({kIgnore, 0, 1, kIgnore}, 2));
  EXPECT_EQ(index.pixels(), 2);
  EXPECT_EQ(index.pick(0), (core::Vec3{0, 0, 1}));
  EXPECT_EQ(index.pick(0.75), (core::Vec3{0, 1, 0}));
  EXPECT_EQ(known_of_partly_known(mask({0, 1, 1, 0}, 2)).pixels(), 0);
  EXPECT_EQ(known_of_partly_known(mask({kIgnore, kIgnore}, 2)).pixels(), 0);
}

}  // namespace
}  // namespace retina::data
