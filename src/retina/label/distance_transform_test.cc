#include "retina/label/distance_transform.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "retina/core/rng.h"

namespace retina::label {
namespace {

using core::Array;
using core::DType;
using core::Vec3;
using core::Vec3d;

double nearest_by_search(const Array& mask, const Vec3& p, const Vec3d& sampling) {
  double best = std::numeric_limits<double>::infinity();
  const Vec3 s = mask.shape();
  for (std::int64_t z = 0; z < s[0]; ++z) {
    for (std::int64_t y = 0; y < s[1]; ++y) {
      for (std::int64_t x = 0; x < s[2]; ++x) {
        if (mask.at<std::uint8_t>(0, z, y, x) != 0) {
          const double dz = sampling[0] * static_cast<double>(z - p[0]);
          const double dy = sampling[1] * static_cast<double>(y - p[1]);
          const double dx = sampling[2] * static_cast<double>(x - p[2]);
          best = std::min(best, std::sqrt(dz * dz + dy * dy + dx * dx));
        }
      }
    }
  }
  return best;
}

void expect_equals_search(const Array& mask, const Vec3d& sampling) {
  const Array found = distance_to(mask, sampling, core::silent_context());
  const Vec3 s = mask.shape();
  for (std::int64_t z = 0; z < s[0]; ++z) {
    for (std::int64_t y = 0; y < s[1]; ++y) {
      for (std::int64_t x = 0; x < s[2]; ++x) {
        const double expected = nearest_by_search(mask, {z, y, x}, sampling);
        ASSERT_NEAR(found.at<double>(0, z, y, x), expected, 1e-12 * (1 + expected))
            << "at " << core::to_string(Vec3{z, y, x});
      }
    }
  }
}

TEST(DistanceTransform, EqualsSearchOverAllVoxelsWithAnySampling) {
  for (const Vec3 shape : {Vec3{1, 11, 14}, Vec3{6, 7, 8}, Vec3{9, 1, 5}}) {
    for (const Vec3d sampling : {Vec3d{1, 1, 1}, Vec3d{40, 4, 4}, Vec3d{0.3, 1.7, 5.1}}) {
      for (const double density : {0.01, 0.1, 0.7}) {
        core::Rng rng(
            {7, static_cast<std::uint64_t>(shape[0]), static_cast<std::uint64_t>(density * 100)});
        Array mask(DType::u8, 1, shape);
        for (auto& value : mask.values<std::uint8_t>()) {
          value = rng.chance(density) ? 1 : 0;
        }
        mask.values<std::uint8_t>()[3] = 1;
        expect_equals_search(mask, sampling);
      }
    }
  }
}

TEST(DistanceTransform, IsInfiniteWithoutAMask) {
  const Array found =
      distance_to(Array(DType::u8, 1, {2, 3, 4}), {1, 1, 1}, core::silent_context());
  const auto values = found.values<double>();
  EXPECT_TRUE(std::all_of(values.begin(), values.end(), [](double v) { return std::isinf(v); }));
}

TEST(DistanceTransform, RefusesAVoxelSizeOfZero) {
  EXPECT_THROW(distance_to(Array(DType::u8, 1, {1, 2, 2}), {0, 1, 1}, core::silent_context()),
               Error);
}

TEST(DistanceTransform, FollowsAnisotropyAndFullMasks) {
  for (const double ratio : {1., 5., 10.}) {
    Array mask(DType::u8, 1, {3, 4, 5});
    mask.at<std::uint8_t>(0, 0, 0, 0) = 1;
    const Array found = distance_to(mask, {4 * ratio, 4, 4}, core::silent_context());
    EXPECT_DOUBLE_EQ(found.at<double>(0, 2, 0, 0), 8 * ratio);
    EXPECT_DOUBLE_EQ(found.at<double>(0, 2, 0, 4), std::hypot(8 * ratio, 16));
    std::ranges::fill(mask.values<std::uint8_t>(), std::uint8_t{1});
    const Array none = distance_to(mask, {4 * ratio, 4, 4}, core::silent_context());
    EXPECT_EQ(*std::ranges::max_element(none.values<double>()), 0);
  }
  Array one(DType::u8, 1, {1, 1, 1});
  EXPECT_TRUE(
      std::isinf(distance_to(one, {4, 4, 4}, core::silent_context()).at<double>(0, 0, 0, 0)));
}

}  // namespace
}  // namespace retina::label
