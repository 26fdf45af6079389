#include "retina/label/streamed_components.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/label/label_test_data.h"

namespace retina::label {
namespace {

using core::Array;
using core::DType;
using core::Vec3;

struct Streamed {
  Array ids;
  std::vector<ObjectFacts> objects;
};

Streamed stream(const Array& labels, const Vec3& block, const ComponentRules& rules) {
  const BlockGrid grid(labels.shape(), block);
  StreamedComponents components(grid, rules, Target::objects);
  for (std::int64_t i = 0; i < grid.count(); ++i) {
    components.add(part_of(labels, grid.box(i)));
  }
  components.finish();
  Streamed result{Array(DType::u64, 1, labels.shape()), components.objects()};
  for (std::int64_t i = 0; i < grid.count(); ++i) {
    const core::Box3 box = grid.box(i);
    core::copy_overlap(components.ids(i, part_of(labels, box)), box.start, result.ids, {0, 0, 0});
  }
  return result;
}

std::vector<ComponentRules> all_rules() {
  std::vector<ComponentRules> rules;
  for (const auto connectivity :
       {Connectivity::faces, Connectivity::edges, Connectivity::corners}) {
    for (const auto extent : {Extent::volume, Extent::slices}) {
      for (const auto grouping : {Grouping::by_value, Grouping::foreground}) {
        rules.push_back({connectivity, extent, grouping});
      }
    }
  }
  return rules;
}

TEST(StreamedComponents, AnyBlockingGivesTheIdsOfTheWhole) {
  core::Rng rng(11);
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const Vec3 shape{rng.integer(1, 9), rng.integer(1, 12), rng.integer(1, 14)};
    const Array labels = random_classes(shape, 1 + static_cast<int>(seed % 3),
                                        0.2 + 0.15 * static_cast<double>(seed % 5), seed);
    for (const ComponentRules& rules : all_rules()) {
      const Vec3 block = random_block(shape, rng);
      const Components whole = connected_components(labels, rules);
      const Streamed parts = stream(labels, block, rules);
      ASSERT_EQ(parts.ids, whole.ids)
          << core::to_string(shape) << " by " << core::to_string(block) << " seed " << seed;
      ASSERT_EQ(parts.objects.size(), whole.count);
    }
  }
}

TEST(StreamedComponents, KnowTheFirstVoxelTheSizeAndTheLabelOfEveryObject) {
  const Array labels = random_classes({6, 7, 8}, 2, 0.5, 4);
  const Streamed found = stream(labels, {2, 3, 4}, {.connectivity = Connectivity::faces});
  const auto ids = found.ids.values<std::uint64_t>();
  const auto values = labels.values<std::uint8_t>();
  for (std::size_t n = 0; n < found.objects.size(); ++n) {
    const ObjectFacts& object = found.objects[n];
    const auto first = std::find(ids.begin(), ids.end(), n + 1);
    EXPECT_EQ(object.first_voxel, static_cast<std::uint64_t>(first - ids.begin()));
    EXPECT_EQ(object.voxels, static_cast<std::uint64_t>(std::count(ids.begin(), ids.end(), n + 1)));
    EXPECT_EQ(object.value, values[object.first_voxel]);
  }
}

TEST(StreamedComponents, OfSlicesJoinNothingAcrossZ) {
  Array mask(DType::u8, 1, {3, 4, 4});
  std::ranges::fill(mask.values<std::uint8_t>(), std::uint8_t{1});
  const Streamed found = stream(mask, {2, 2, 2}, {.extent = Extent::slices});
  ASSERT_EQ(found.objects.size(), 3U);
  EXPECT_EQ(found.objects[2].first_voxel, 32U);
  EXPECT_EQ(found.objects[2].voxels, 16U);
}

TEST(StreamedComponents, OfAnEmptyVolumeAreNone) {
  const Streamed found = stream(Array(DType::i16, 1, {4, 5, 6}), {2, 2, 2}, {});
  EXPECT_TRUE(found.objects.empty());
}

TEST(StreamedComponents, RefuseMorePartsThanTheMemoryHolds) {
  Array dots(DType::u8, 1, {8, 8, 8});  // 64 objects
  for (std::int64_t z = 0; z < 8; z += 2) {
    for (std::int64_t y = 0; y < 8; y += 2) {
      for (std::int64_t x = 0; x < 8; x += 2) {
        dots.at<std::uint8_t>(0, z, y, x) = 1;
      }
    }
  }
  const BlockGrid grid(dots.shape(), {2, 8, 8});
  const auto add_all = [&](std::int64_t max_bytes) {
    StreamedComponents components(grid, {}, Target::objects, max_bytes);
    for (std::int64_t i = 0; i < grid.count(); ++i) {
      components.add(part_of(dots, grid.box(i)));
      EXPECT_LE(components.bytes(), max_bytes);
    }
    components.finish();
    EXPECT_LE(components.bytes(), max_bytes);
    return components.objects().size();
  };
  constexpr std::int64_t kParts = 64 * StreamedComponents::kBytesPerPart;
  EXPECT_EQ(add_all(kParts + 4096), 64U);
  try {
    add_all(kParts / 2);
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--max-ram"));
    EXPECT_THAT(error.what(), ::testing::HasSubstr("of 4 blocks"));
  }
}

TEST(BlockGrid, CoversEveryVoxelOnce) {
  const Vec3 shape{5, 7, 9};
  const BlockGrid grid(shape, {2, 0, 4});
  Array seen(DType::u8, 1, shape);
  for (std::int64_t i = 0; i < grid.count(); ++i) {
    const core::Box3 box = grid.box(i);
    for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
      for (std::int64_t y = box.start[1]; y < box.stop()[1]; ++y) {
        for (std::int64_t x = box.start[2]; x < box.stop()[2]; ++x) {
          ++seen.at<std::uint8_t>(0, z, y, x);
        }
      }
    }
  }
  const auto values = seen.values<std::uint8_t>();
  EXPECT_TRUE(std::ranges::all_of(values, [](std::uint8_t v) { return v == 1; }));
}

TEST(BlockGrid, BlocksHoldWholeUnits) {
  EXPECT_EQ(block_of_units({100, 100, 100}, {8, 16, 32}, 8 * 16 * 100), (Vec3{8, 16, 100}));
  EXPECT_EQ(block_of_units({100, 100, 100}, {8, 16, 32}, 8 * 50 * 100), (Vec3{8, 48, 100}));
  EXPECT_EQ(block_of_units({100, 100, 100}, {8, 16, 32}, 1), (Vec3{8, 16, 32}));
  EXPECT_EQ(block_of_units({3, 4, 5}, {8, 16, 32}, 1000), (Vec3{3, 4, 5}));
}

/// More voxels than 32 bits count: an object in each corner of a long volume of zeros.
TEST(StreamedComponentsSlow, CountVoxelsIn64Bits) {
  const Vec3 shape{70'000, 256, 256};
  const BlockGrid grid(shape, {256, 256, 256});
  StreamedComponents components(grid, {}, Target::objects);
  const Array empty(DType::u8, 1, {256, 256, 256});
  for (std::int64_t i = 0; i < grid.count(); ++i) {
    if (i > 0 && i + 1 < grid.count()) {
      components.add(empty);
      continue;
    }
    Array corners(DType::u8, 1, grid.box(i).shape);
    corners.values<std::uint8_t>().front() = 1;
    corners.values<std::uint8_t>().back() = 1;
    components.add(corners);
  }
  components.finish();
  ASSERT_EQ(components.objects().size(), 4U);
  EXPECT_EQ(components.objects().back().first_voxel, 70'000ULL * 256 * 256 - 1);
}

}  // namespace
}  // namespace retina::label
