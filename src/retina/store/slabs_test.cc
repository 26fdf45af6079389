#include "retina/store/slabs.h"

#include <vector>

#include <gtest/gtest.h>

namespace retina::store {
namespace {

std::vector<std::int64_t> slab_starts(const core::Vec3& shape, std::int64_t unit,
                                      std::int64_t voxels) {
  std::vector<std::int64_t> starts;
  for_each_slab(shape, unit, voxels,
                [&](const core::Box3& box) { starts.push_back(box.start[0]); });
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

}  // namespace
}  // namespace retina::store
