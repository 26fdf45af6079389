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

PlanePrint print_of_plane(const core::Array& image, const core::Array& labels = {}) {
  data::PixelCounts counts;
  counts.add_image({.image = image, .labels = {}});
  PlaneHash image_hash(image.shape());
  image_hash.add(image);
  PlaneHash label_hash(image.shape());
  label_hash.add(labels);
  return print_of(image.shape(), image_hash, labels.elements() > 0 ? &label_hash : nullptr, counts);
}

core::Array part_of(const core::Array& image, const core::Box3& part) {
  core::Array out(image.dtype(), 1, part.shape);
  core::copy_overlap(image, {0, 0, 0}, out, part.start);
  return out;
}

std::vector<Duplicate> duplicates_of(const std::vector<core::Array>& images,
                                     std::int64_t band_pixels = data::kBandPixels) {
  std::vector<PlanePrint> prints;
  prints.reserve(images.size());
  for (const core::Array& image : images) {
    prints.push_back(print_of_plane(image));
  }
  return find_duplicates(
      prints,
      [&](std::int64_t i, const core::Box3& part) {
        return part_of(images[static_cast<std::size_t>(i)], part);
      },
      band_pixels);
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

TEST(Duplicates, EverySymmetryIsSeenInBandsOfAnySize) {
  const core::Array a = noise_plane(7, 10, 1);
  core::Array mirrored = a;
  for (std::int64_t y = 0; y < 7; ++y) {
    for (std::int64_t x = 0; x < 10; ++x) {
      mirrored.at<std::uint8_t>(0, 0, y, x) = a.at<std::uint8_t>(0, 0, y, 9 - x);
    }
  }
  for (const std::int64_t pixels : {1, 30, 100}) {
    for (core::Array copy : {a, mirrored}) {
      for (int turns = 0; turns < 4; ++turns) {
        const auto found = duplicates_of({a, copy}, pixels);
        ASSERT_EQ(found.size(), 1U) << turns << " turns, " << pixels << " pixels";
        EXPECT_EQ(found[0].is_turned, turns > 0 || !(copy == a));
        copy = quarter_turn(copy);
      }
    }
    core::Array other = quarter_turn(a);  // all rows but the last are those of a copy
    std::swap(other.at<std::uint8_t>(0, 0, 9, 0), other.at<std::uint8_t>(0, 0, 9, 1));
    EXPECT_TRUE(duplicates_of({a, other}, pixels).empty());
  }
}

TEST(Duplicates, TheHashOfAPlaneIsThatOfItsParts) {
  const core::Array a = noise_plane(5, 7, 1);
  PlaneHash whole(a.shape());
  whole.add(a);
  PlaneHash parts(a.shape());
  for (std::int64_t y = 0; y < 5; ++y) {
    parts.add(part_of(a, {{0, y, 0}, {1, 1, 7}}));
  }
  EXPECT_EQ(parts.value(), whole.value());
  PlaneHash other({1, 7, 5});
  other.add(a);
  EXPECT_NE(other.value(), whole.value()) << "the same bytes, another shape";
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
  const PlanePrint first = print_of_plane(image, labels);
  labels.at<std::uint8_t>(0, 0, 3, 3) = 1;
  const PlanePrint second = print_of_plane(image, labels);
  const auto found = find_duplicates(
      {first, second}, [&](std::int64_t, const core::Box3& part) { return part_of(image, part); });
  ASSERT_EQ(found.size(), 1U);
  EXPECT_TRUE(found[0].labels_differ);
}

}  // namespace
}  // namespace retina::pipeline
