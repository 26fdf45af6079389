#include "retina/pipeline/rank_identity.h"

#include <utility>

#include <gtest/gtest.h>

#include "retina/data/memory_dataset.h"

namespace retina::pipeline {
namespace {

TEST(RankIdentity, TheFirstDifferenceIsNamed) {
  const Json left = {{"a", 1}, {"b", {{"c", 2}, {"d", "x"}}}};
  Json right = left;
  EXPECT_FALSE(first_difference(left, right));
  right["b"]["d"] = "y";
  const auto changed = first_difference(left, right);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->key, "b.d");
  EXPECT_EQ(changed->left, "\"x\"");
  EXPECT_EQ(changed->right, "\"y\"");
  right = left;
  right["b"]["e"] = {1, 2};
  EXPECT_EQ(first_difference(left, right)->key, "b.e");
  EXPECT_EQ(first_difference(left, right)->left, "missing");
  EXPECT_EQ(first_difference(right, left)->right, "missing");
}

TEST(RankIdentity, PixelsCountButNotTheDevice) {
  const auto dataset = data::memory_dataset(3, 8);
  const Json identity = rank_identity({{"device", "cpu"}, {"threads", 1}, {"seed", 1}}, *dataset);
  EXPECT_EQ(identity, rank_identity({{"device", "cuda"}, {"threads", 2}, {"seed", 1}}, *dataset));
  const auto other = data::memory_dataset(3, 8);
  std::swap(other->volumes[0].image, other->volumes[1].image);
  const auto found = first_difference(identity, rank_identity({{"seed", 1}}, *other));
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->key.starts_with("data.planes.image0")) << found->key;
}

}  // namespace
}  // namespace retina::pipeline
