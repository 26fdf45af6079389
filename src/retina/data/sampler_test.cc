#include "retina/data/sampler.h"

#include <set>

#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::data {
namespace {

std::vector<Slice> numbered(int count) {
  std::vector<Slice> slices;
  for (int i = 0; i < count; ++i) {
    slices.push_back({.volume = 0, .axis = 0, .index = i});
  }
  return slices;
}

std::vector<std::int64_t> epoch_order(const Sampler& sampler, std::int64_t epoch) {
  std::vector<std::int64_t> order;
  for (std::int64_t i = 0; i < sampler.epoch_length(); ++i) {
    order.push_back(sampler(epoch * sampler.epoch_length() + i).slice.index);
  }
  return order;
}

TEST(Sampler, EverySliceOccursOncePerEpoch) {
  const Sampler sampler(numbered(11), 3, Shuffle::each_epoch);
  for (std::int64_t epoch = 0; epoch < 4; ++epoch) {
    const auto order = epoch_order(sampler, epoch);
    EXPECT_EQ(std::set<std::int64_t>(order.begin(), order.end()).size(), 11U);
  }
}

TEST(Sampler, OrderOfAskingChangesNothing) {
  const Sampler a(numbered(11), 3, Shuffle::each_epoch);
  const Sampler b(numbered(11), 3, Shuffle::each_epoch);
  for (std::int64_t k = 0; k < 50; ++k) {
    b(49 - k);
    EXPECT_EQ(a(k).slice, b(k).slice);
    EXPECT_EQ(a(k).seed, b(k).seed);
  }
}

TEST(Sampler, ReadersOnBothSidesOfAnEpochsEndShareTwoPermutations) {
  const Sampler alternating(numbered(11), 3, Shuffle::each_epoch);
  for (std::int64_t epoch = 0; epoch < 3; ++epoch) {
    for (std::int64_t i = 0; i < 11; ++i) {
      for (const std::int64_t k : {11 * epoch + i, 11 * (epoch + 1) + i}) {
        EXPECT_EQ(alternating(k).slice, Sampler(numbered(11), 3, Shuffle::each_epoch)(k).slice);
      }
    }
    EXPECT_EQ(alternating.shuffles(), epoch + 2);
  }
}

TEST(Sampler, EpochsDifferUnlessPublished) {
  const Sampler fresh(numbered(40), 3, Shuffle::each_epoch);
  EXPECT_NE(epoch_order(fresh, 0), epoch_order(fresh, 1));
  const Sampler same(numbered(40), 3, Shuffle::same_each_epoch);
  EXPECT_EQ(epoch_order(same, 0), epoch_order(same, 1));
  EXPECT_NE(same(0).seed, same(40).seed);
}

TEST(Sampler, RunSeedChangesOrderAndSamples) {
  const Sampler a(numbered(40), 3, Shuffle::each_epoch);
  const Sampler b(numbered(40), 4, Shuffle::each_epoch);
  EXPECT_NE(epoch_order(a, 0), epoch_order(b, 0));
  EXPECT_NE(a(0).seed, b(0).seed);
}

TEST(Sampler, EmptyDatasetIsAnError) {
  EXPECT_THROW(Sampler({}, 1, Shuffle::none), Error);
}

}  // namespace
}  // namespace retina::data
