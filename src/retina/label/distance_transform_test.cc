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

/// One voxel in `every` is set.
Array sparse_mask(const Vec3& shape, std::int64_t every, std::uint64_t seed) {
  Array mask(DType::u8, 1, shape);
  core::Rng rng(seed);
  for (std::uint8_t& value : mask.values<std::uint8_t>()) {
    value = rng.integer(1, every) == 1 ? 1 : 0;
  }
  return mask;
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

TEST(DistanceTransform, TheLinesOfALargeMaskAreTransformedByAllThreadsAlike) {
  const Vec3 shape{3, 700, 901};  // more than a million voxels, no whole groups of lines
  const Array mask = sparse_mask(shape, 50000, 7);
  std::vector<Vec3> set;
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    for (std::int64_t y = 0; y < shape[1]; ++y) {
      for (std::int64_t x = 0; x < shape[2]; ++x) {
        if (mask.at<std::uint8_t>(0, z, y, x) != 0) {
          set.push_back({z, y, x});
        }
      }
    }
  }
  ASSERT_FALSE(set.empty());
  const Array found = distance_to(mask, {5, 1, 2}, core::silent_context());
  core::Rng rng(8);
  for (int i = 0; i < 2000; ++i) {
    const Vec3 p{rng.integer(0, 2), rng.integer(0, 699), rng.integer(0, 900)};
    double best = std::numeric_limits<double>::infinity();
    for (const Vec3& q : set) {
      best = std::min(
          best, std::hypot(5.0 * static_cast<double>(p[0] - q[0]), static_cast<double>(p[1] - q[1]),
                           2.0 * static_cast<double>(p[2] - q[2])));
    }
    ASSERT_NEAR(found.at<double>(0, p[0], p[1], p[2]), best, 1e-9);
  }
}

TEST(DistanceTransform, APlaneIsSpreadAlikeByAnyNumberOfThreads) {
  Array plane(DType::f64, 1, {1, 37, 53});
  core::Rng rng(9);
  for (double& value : plane.values<double>()) {
    value = rng.integer(1, 9) == 1 ? static_cast<double>(rng.integer(0, 100))
                                   : std::numeric_limits<double>::infinity();
  }
  core::ThreadPool none(0);
  Array expected = plane;
  spread_in_plane(expected, {1, 2, 3}, none, core::silent_context());
  for (const int threads : {1, 3, 40}) {
    core::ThreadPool pool(threads);
    Array found = plane;
    spread_in_plane(found, {1, 2, 3}, pool, core::silent_context());
    EXPECT_EQ(found, expected) << threads;
  }
}

}  // namespace
}  // namespace retina::label
