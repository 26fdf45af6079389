#include "retina/core/slabs.h"

#include <vector>

#include <gtest/gtest.h>

namespace retina::core {
namespace {

std::vector<std::int64_t> slab_starts(const Vec3& shape, std::int64_t unit, std::int64_t voxels) {
  std::vector<std::int64_t> starts;
  for_each_slab(shape, {unit, 0, 0}, voxels,
                [&](const Box3& box) { starts.push_back(box.start[0]); });
  return starts;
}

TEST(Slabs, AreMultiplesOfTheUnitWhereThatFits) {
  EXPECT_EQ(slab_starts({10, 2, 2}, 4, 24), (std::vector<std::int64_t>{0, 4, 8}));
}

TEST(Slabs, AreAsThickAsTheBudget) {
  EXPECT_EQ(slab_starts({10, 2, 2}, 8, 12), (std::vector<std::int64_t>{0, 3, 6, 9}));
}

TEST(Slabs, AreAtLeastOnePlane) {
  EXPECT_EQ(slab_starts({3, 100, 100}, 1, 5).size(), 3U);
}

TEST(Slabs, ALargePlaneIsCutIntoBandsOfWholeChunks) {
  std::vector<Box3> boxes;
  const auto visit = [&](const Box3& box) { boxes.push_back(box); };
  for_each_slab({2, 50, 100}, {1, 8, 100}, 1700, visit);
  ASSERT_EQ(boxes.size(), 8U);
  EXPECT_EQ(boxes[1], (Box3{.start = {0, 16, 0}, .shape = {1, 16, 100}}));
  EXPECT_EQ(boxes[7], (Box3{.start = {1, 48, 0}, .shape = {1, 2, 100}}));
  boxes.clear();
  for_each_slab({1, 50, 100}, {1, 8, 100}, 300,
                visit);  // less than a chunk: no chunk is read twice
  EXPECT_EQ(boxes.size(), 7U);
}

}  // namespace
}  // namespace retina::core
