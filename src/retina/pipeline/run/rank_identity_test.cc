#include "retina/pipeline/run/rank_identity.h"

#include <string>
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
  const RunData given{.training = dataset.get()};
  const Json identity = rank_identity({{"device", "cpu"}, {"threads", 1}, {"seed", 1}}, given);
  EXPECT_EQ(identity, rank_identity({{"device", "cuda"}, {"threads", 2}, {"seed", 1}}, given));
  const auto other = data::memory_dataset(3, 8);
  std::swap(other->volumes[0].image, other->volumes[1].image);
  const auto found =
      first_difference(identity, rank_identity({{"seed", 1}}, {.training = other.get()}));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->key, "training data.planes.image0.image");
}

/// The key that differs from what `data` gives on rank 0.
std::string key_that_differs(const RunData& first, const RunData& data) {
  const Json config = {{"seed", 1}, {"batch", 2}};
  const auto found = first_difference(rank_identity(config, first), rank_identity(config, data));
  return found ? found->key : "none";
}

TEST(RankIdentity, MasksAndHeldOutDataCountToo) {
  const auto training = data::memory_dataset(3, 8);
  const auto held_out = data::memory_dataset(2, 8);
  const auto other_masks = data::memory_dataset(3, 8);
  other_masks->volumes[1].labels = core::in_memory(core::Array(core::DType::u8, 1, {1, 8, 8}));
  const auto unlabelled = data::memory_dataset(2, 8);
  unlabelled->volumes[0].labels = nullptr;
  const auto other_images = data::memory_dataset(2, 8);
  std::swap(other_images->volumes[0].image, other_images->volumes[1].image);
  const RunData first{.training = training.get(), .held_out = held_out.get()};

  EXPECT_EQ(key_that_differs(first, first), "none");
  EXPECT_EQ(key_that_differs(first, {.training = other_masks.get(), .held_out = held_out.get()}),
            "training data.planes.image1.labels");
  EXPECT_EQ(key_that_differs(first, {.training = training.get(), .held_out = unlabelled.get()}),
            "held-out data.planes.image0.labels");
  EXPECT_EQ(key_that_differs(first, {.training = training.get(), .held_out = other_images.get()}),
            "held-out data.planes.image0.image");
  EXPECT_EQ(key_that_differs(first, {.training = training.get()}), "held-out data");
}

}  // namespace
}  // namespace retina::pipeline
