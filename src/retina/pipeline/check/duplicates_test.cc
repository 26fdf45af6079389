#include "retina/pipeline/check/duplicates.h"

#include <algorithm>

#include <gtest/gtest.h>

#include "retina/core/rng.h"

namespace retina::pipeline {
namespace {

core::Array noise_plane(std::int64_t height, std::int64_t width, std::uint64_t seed) {
  core::Array plane(core::DType::u8, 1, {1, height, width});
  core::Rng rng(seed);
  for (auto& value : plane.values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(rng.integer(0, 255));
  }
  return plane;
}

core::Array quarter_turn(const core::Array& plane) {
  core::Array out(core::DType::u8, 1, {1, plane.shape()[2], plane.shape()[1]});
  for (std::int64_t y = 0; y < out.shape()[1]; ++y) {
    for (std::int64_t x = 0; x < out.shape()[2]; ++x) {
      out.at<std::uint8_t>(0, 0, y, x) = plane.at<std::uint8_t>(0, 0, x, plane.shape()[2] - 1 - y);
    }
  }
  return out;
}

std::vector<Duplicate> duplicates_of(const std::vector<core::Array>& images) {
  std::vector<PlanePrint> prints;
  for (const core::Array& image : images) {
    prints.push_back(print_of({.image = image, .labels = {}}));
  }
  return find_duplicates(prints,
                         [&](std::int64_t i) { return images[static_cast<std::size_t>(i)]; });
}

TEST(Duplicates, FindsEqualFlippedAndTurnedPlanes) {
  const core::Array a = noise_plane(20, 30, 1);
  core::Array flipped = a;
  std::reverse(flipped.values<std::uint8_t>().begin(), flipped.values<std::uint8_t>().end());
  const auto found = duplicates_of(
      {a, noise_plane(20, 30, 2), a, flipped, quarter_turn(a), noise_plane(20, 30, 3)});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].second, 2);
  EXPECT_FALSE(found[0].is_turned);
  EXPECT_EQ(found[1].second, 3);
  EXPECT_TRUE(found[1].is_turned);
  EXPECT_EQ(found[2].second, 4);
  EXPECT_TRUE(found[2].is_turned);
}

TEST(Duplicates, AnEqualHistogramAloneIsNoDuplicate) {
  core::Array a = noise_plane(20, 30, 1);
  core::Array b = a;
  std::sort(b.values<std::uint8_t>().begin(), b.values<std::uint8_t>().end());
  EXPECT_TRUE(duplicates_of({a, b}).empty());
}

TEST(Duplicates, ConstantPlanesAreNotReported) {
  const core::Array black(core::DType::u8, 1, {1, 8, 8});
  EXPECT_TRUE(duplicates_of({black, black}).empty());
}

TEST(Duplicates, DifferentLabelsOfOneImageAreSeen) {
  const core::Array image = noise_plane(8, 8, 1);
  core::Array labels(core::DType::u8, 1, {1, 8, 8});
  const PlanePrint first = print_of({.image = image, .labels = labels});
  labels.at<std::uint8_t>(0, 0, 3, 3) = 1;
  const PlanePrint second = print_of({.image = image, .labels = labels});
  const auto found = find_duplicates({first, second}, [&](std::int64_t) { return image; });
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].labels_differ);
}

}  // namespace
}  // namespace retina::pipeline
