#include "retina/data/foreground.h"

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

TEST(ForegroundIndex, EveryForegroundPixelIsPickedOnce) {
  const ForegroundIndex index(mask({0, 1, 1, 2, 0, 0, 0, kIgnore, 1}, 3));
  ASSERT_EQ(index.pixels(), 4);
  std::set<std::pair<std::int64_t, std::int64_t>> picked;
  for (int k = 0; k < 4; ++k) {
    const core::Vec3 pixel = index.pick((k + 0.5) / 4).value();
    picked.emplace(pixel[1], pixel[2]);
  }
  EXPECT_EQ(picked,
            (std::set<std::pair<std::int64_t, std::int64_t>>{{0, 1}, {0, 2}, {1, 0}, {2, 2}}));
}

TEST(ForegroundIndex, EmptyAndIgnoredPlanesHaveNone) {
  EXPECT_FALSE(ForegroundIndex(mask({0, kIgnore, 0, 0}, 2)).pick(0.5).has_value());
  EXPECT_FALSE(ForegroundIndex().pick(0.5).has_value());
}

TEST(ForegroundIndex, RunAtTheEndIsClosed) {
  const ForegroundIndex index(mask({0, 0, 3, 3}, 2));
  EXPECT_EQ(index.pixels(), 2);
  EXPECT_EQ(index.pick(0.999), (core::Vec3{0, 1, 1}));
}

}  // namespace
}  // namespace retina::data
