#include "retina/label/clean.h"

#include <set>
#include <tuple>

#include <gtest/gtest.h>

#include "retina/label/label_test_data.h"

namespace retina::label {
namespace {

using core::Array;
using core::DType;
using core::Vec3;

struct Cleaned {
  Array labels;
  Array ids;
  std::uint64_t objects = 0;
  std::uint64_t removed = 0;
  std::uint64_t holes = 0;
};

Cleaned clean(const Array& labels, const CleanRules& rules, const Vec3& block = {0, 0, 0}) {
  const auto volume = core::in_memory(labels);
  const CleanedLabels cleaned(*volume, BlockGrid(labels.shape(), block), rules,
                              core::silent_context());
  Cleaned result{Array(labels.dtype(), 1, labels.shape()), Array(DType::u64, 1, labels.shape()),
                 cleaned.objects(), cleaned.removed(), cleaned.holes()};
  for (std::int64_t i = 0; i < cleaned.grid().count(); ++i) {
    const CleanedLabels::Block part = cleaned.read(i);
    core::copy_overlap(part.labels, cleaned.grid().box(i).start, result.labels, {0, 0, 0});
    if (rules.ids == ObjectIds::wanted) {
      core::copy_overlap(part.ids, cleaned.grid().box(i).start, result.ids, {0, 0, 0});
    }
  }
  return result;
}

/// Voxel by voxel: the background that the border does not reach, where one label encloses it.
Array fill_by_flood(const Array& labels, FillHoles how) {
  const Vec3 s = labels.shape();
  Array result = labels;
  Array seen(DType::u8, 1, s);
  for (std::int64_t start = 0; start < labels.elements(); ++start) {
    if (labels.values<std::uint8_t>()[static_cast<std::size_t>(start)] != 0) {
      continue;
    }
    std::vector<Vec3> region;
    std::vector<Vec3> open{{start / (s[1] * s[2]), start / s[2] % s[1], start % s[2]}};
    std::set<int> around;
    bool border = false;
    while (!open.empty()) {
      const Vec3 p = open.back();
      open.pop_back();
      if (std::exchange(seen.at<std::uint8_t>(0, p[0], p[1], p[2]), std::uint8_t{1}) != 0) {
        continue;
      }
      region.push_back(p);
      for (std::size_t axis = how == FillHoles::slices ? 1 : 0; axis < 3; ++axis) {
        for (const int step : {-1, 1}) {
          Vec3 q = p;
          q[axis] += step;
          if (q[axis] < 0 || q[axis] >= s[axis]) {
            border = true;
          } else if (const int value = labels.at<std::uint8_t>(0, q[0], q[1], q[2]); value != 0) {
            around.insert(value);
          } else {
            open.push_back(q);
          }
        }
      }
    }
    for (const Vec3& p : region) {
      if (!border && around.size() == 1) {
        result.at<std::uint8_t>(0, p[0], p[1], p[2]) = static_cast<std::uint8_t>(*around.begin());
      }
    }
  }
  return result;
}

TEST(Clean, FillsHolesAsAFloodFillWouldInAnyBlocking) {
  core::Rng rng(3);
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Vec3 shape{rng.integer(1, 8), rng.integer(3, 12), rng.integer(3, 14)};
    const Array labels = random_classes(shape, 1 + static_cast<int>(seed % 2),
                                        0.6 + 0.1 * static_cast<double>(seed % 4), seed);
    for (const FillHoles how : {FillHoles::slices, FillHoles::volume}) {
      const Array expected = fill_by_flood(labels, how);
      ASSERT_EQ(clean(labels, {.fill_holes = how}).labels, expected) << seed;
      ASSERT_EQ(clean(labels, {.fill_holes = how}, random_block(shape, rng)).labels, expected)
          << seed;
    }
  }
}

TEST(Clean, AnyBlockingGivesTheSameLabelsAndIds) {
  core::Rng rng(5);
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    const Vec3 shape{rng.integer(1, 8), rng.integer(1, 12), rng.integer(1, 14)};
    const Array labels = random_classes(shape, 2, 0.55, seed);
    CleanRules rules{
        .fill_holes = FillHoles::volume, .min_voxels = 3, .objects = {}, .ids = ObjectIds::wanted};
    rules.objects.connectivity = seed % 2 == 0 ? Connectivity::faces : Connectivity::corners;
    rules.objects.extent = seed % 3 == 0 ? Extent::slices : Extent::volume;
    const Cleaned whole = clean(labels, rules);
    const Cleaned parts = clean(labels, rules, random_block(shape, rng));
    ASSERT_EQ(parts.labels, whole.labels) << seed;
    ASSERT_EQ(parts.ids, whole.ids) << seed;
    ASSERT_EQ(std::tuple(parts.objects, parts.removed, parts.holes),
              std::tuple(whole.objects, whole.removed, whole.holes));
  }
}

TEST(Clean, NumbersWhatStaysWithoutGaps) {
  const Array labels = random_classes({5, 9, 9}, 1, 0.3, 8);
  CleanRules rules{.min_voxels = 4, .ids = ObjectIds::wanted};
  rules.objects.connectivity = Connectivity::faces;
  const Cleaned cleaned = clean(labels, rules);
  const Components expected = connected_components(cleaned.labels, Connectivity::faces);
  EXPECT_GT(cleaned.removed, 0U);
  EXPECT_EQ(cleaned.ids, expected.ids);
  EXPECT_EQ(cleaned.objects, expected.count);
}

TEST(Clean, KeepsAnObjectOfExactlyTheLeastSize) {
  Array labels(DType::u16, 1, {1, 3, 9});
  for (std::int64_t x = 0; x < 3; ++x) {
    labels.at<std::uint16_t>(0, 0, 1, x) = 300;
    labels.at<std::uint16_t>(0, 0, 1, 5 + x % 2) = 7;
  }
  const Cleaned cleaned = clean(labels, {.min_voxels = 3});
  EXPECT_EQ(cleaned.labels.at<std::uint16_t>(0, 0, 1, 2), 300);
  EXPECT_EQ(cleaned.labels.at<std::uint16_t>(0, 0, 1, 5), 0);
  EXPECT_EQ(cleaned.objects, 1U);
  EXPECT_EQ(cleaned.removed, 1U);
}

TEST(Clean, LeavesAGapBetweenTwoLabels) {
  Array labels(DType::u8, 1, {1, 3, 3});
  std::ranges::fill(labels.values<std::uint8_t>(), std::uint8_t{1});
  labels.at<std::uint8_t>(0, 0, 1, 1) = 0;
  const CleanRules rules{.fill_holes = FillHoles::slices};
  EXPECT_EQ(clean(labels, rules).holes, 1U);
  labels.at<std::uint8_t>(0, 0, 1, 2) = 2;
  EXPECT_EQ(clean(labels, rules).holes, 0U);
}

TEST(Clean, RefusesMoreObjectsThanTheMemoryHolds) {
  const Array labels = random_classes({6, 20, 20}, 3, 0.3, 5);
  CleanRules rules{.min_voxels = 4, .max_bytes = 1 << 20};
  EXPECT_GT(clean(labels, rules, {2, 20, 20}).removed, 0U);
  for (const auto fill_holes : {FillHoles::none, FillHoles::volume}) {
    rules.fill_holes = fill_holes;
    rules.max_bytes = 1000;
    try {
      clean(labels, rules, {2, 20, 20});
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::resource);
    }
  }
}

TEST(Clean, WithoutRulesChangesNothing) {
  const Array labels = random_classes({3, 5, 6}, 3, 0.5, 2);
  EXPECT_EQ(clean(labels, {}, {2, 2, 2}).labels, labels);
}

}  // namespace
}  // namespace retina::label
