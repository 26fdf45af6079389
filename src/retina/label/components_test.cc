#include "retina/label/components.h"

#include <algorithm>
#include <cstdlib>
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/rng.h"

namespace retina::label {
namespace {

using core::Array;
using core::DType;
using core::Vec3;

Array random_labels_for_components(const Vec3& shape, int classes, std::uint64_t seed) {
  Array labels(DType::u8, 1, shape);
  core::Rng rng(seed);
  for (auto& value : labels.values<std::uint8_t>()) {
    value = rng.chance(0.55) ? static_cast<std::uint8_t>(rng.integer(1, classes)) : std::uint8_t{0};
  }
  return labels;
}

/// Flood fill, one object after the other, in C order.
std::vector<std::uint64_t> flood_fill(const Array& labels, Connectivity connectivity) {
  const Vec3 s = labels.shape();
  const auto values = labels.values<std::uint8_t>();
  std::vector<std::uint64_t> ids(values.size(), 0);
  std::uint64_t next = 0;
  for (std::size_t seed = 0; seed < ids.size(); ++seed) {
    if (values[seed] == 0 || ids[seed] != 0) {
      continue;
    }
    ids[seed] = ++next;
    std::vector<std::size_t> open{seed};
    while (!open.empty()) {
      const auto at = static_cast<std::int64_t>(open.back());
      open.pop_back();
      const Vec3 p{at / (s[1] * s[2]), at / s[2] % s[1], at % s[2]};
      for (std::int64_t step = 0; step < 27; ++step) {
        const Vec3 d{step / 9 - 1, step / 3 % 3 - 1, step % 3 - 1};
        const Vec3 q{p[0] + d[0], p[1] + d[1], p[2] + d[2]};
        const auto distance = std::abs(d[0]) + std::abs(d[1]) + std::abs(d[2]);
        if (distance > static_cast<int>(connectivity) || q[0] < 0 || q[1] < 0 || q[2] < 0 ||
            q[0] >= s[0] || q[1] >= s[1] || q[2] >= s[2]) {
          continue;
        }
        const auto there = static_cast<std::size_t>((q[0] * s[1] + q[1]) * s[2] + q[2]);
        if (values[there] == values[seed] && ids[there] == 0) {
          ids[there] = next;
          open.push_back(there);
        }
      }
    }
  }
  return ids;
}

TEST(Components, EqualFloodFillForEveryConnectivityInPlanesAndVolumes) {
  for (const Vec3 shape : {Vec3{1, 13, 17}, Vec3{5, 8, 9}, Vec3{4, 1, 11}, Vec3{1, 1, 6}}) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
      const Array labels =
          random_labels_for_components(shape, 1 + static_cast<int>(seed % 3), seed);
      for (const auto connectivity :
           {Connectivity::faces, Connectivity::edges, Connectivity::corners}) {
        const auto expected = flood_fill(labels, connectivity);
        const Components found = connected_components(labels, connectivity);
        const auto ids = found.ids.values<std::uint64_t>();
        ASSERT_EQ(std::vector<std::uint64_t>(ids.begin(), ids.end()), expected)
            << core::to_string(shape) << " seed " << seed;
        ASSERT_EQ(found.count,
                  std::set<std::uint64_t>(expected.begin(), expected.end()).size() -
                      (expected.end() != std::find(expected.begin(), expected.end(), 0) ? 1 : 0));
      }
    }
  }
}

TEST(Components, JoinDiagonalVoxelsOnlyByCorners) {
  Array mask(DType::u8, 1, {2, 2, 2});
  mask.at<std::uint8_t>(0, 0, 0, 0) = 1;
  mask.at<std::uint8_t>(0, 1, 1, 1) = 1;
  EXPECT_EQ(connected_components(mask, Connectivity::faces).count, 2U);
  EXPECT_EQ(connected_components(mask, Connectivity::edges).count, 2U);
  EXPECT_EQ(connected_components(mask, Connectivity::corners).count, 1U);
}

TEST(Components, OfAnEmptyMaskAreNone) {
  EXPECT_EQ(connected_components(Array(DType::u16, 1, {3, 4, 5}), Connectivity::corners).count, 0U);
}

TEST(Components, RefuseFloatingPointValues) {
  EXPECT_THROW(connected_components(Array(DType::f32, 1, {1, 2, 2}), Connectivity::faces), Error);
}

TEST(Components, IdsBeyond32BitsStayApart) {
  Array labels(DType::u64, 1, {1, 1, 4});
  const auto values = labels.values<std::uint64_t>();
  values[0] = 5;
  values[1] = (1ULL << 32U) + 5;  // equal to 5 in 32 bits
  values[2] = (1ULL << 32U) + 5;
  values[3] = ~0ULL;
  const Components found = connected_components(labels, Connectivity::faces);
  EXPECT_EQ(found.count, 3U);
  const auto ids = found.ids.values<std::uint64_t>();
  EXPECT_EQ((std::vector<std::uint64_t>(ids.begin(), ids.end())),
            (std::vector<std::uint64_t>{1, 2, 2, 3}));
}

TEST(Components, EmptyAndFullMasksOfExtremeShapes) {
  for (const Vec3& shape : {Vec3{1, 1, 1}, Vec3{1, 30, 40}, Vec3{1, 20'000, 30}, Vec3{7, 1, 1}}) {
    Array mask(DType::u8, 1, shape);
    EXPECT_EQ(connected_components(mask, Connectivity::corners).count, 0U);
    std::ranges::fill(mask.values<std::uint8_t>(), std::uint8_t{1});
    EXPECT_EQ(connected_components(mask, Connectivity::faces).count, 1U);
  }
}

}  // namespace
}  // namespace retina::label
