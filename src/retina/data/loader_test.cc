#include "retina/data/loader.h"

#include <gtest/gtest.h>

#include "retina/data/memory_dataset.h"

namespace retina::data {
namespace {

core::Box3 centre_box(const SampleKey& key) {
  const auto shift = static_cast<std::int64_t>(key.seed % 3);
  return {.start = {0, 2 + shift, 1}, .shape = {1, 4, 5}};
}

std::vector<RawSample> samples_of(Loader& loader, int batches) {
  std::vector<RawSample> samples;
  for (int b = 0; b < batches; ++b) {
    for (RawSample& sample : loader.next().samples) {
      samples.push_back(std::move(sample));
    }
  }
  return samples;
}

void expect_same(const std::vector<RawSample>& a, const std::vector<RawSample>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].key.seed, b[i].key.seed);
    EXPECT_EQ(a[i].key.foreground, b[i].key.foreground);
    EXPECT_EQ(a[i].box, b[i].box);
    EXPECT_TRUE(a[i].image_YX.equal(b[i].image_YX));
    EXPECT_TRUE(a[i].labels_YX.equal(b[i].labels_YX));
  }
}

TEST(Loader, ThreadsReadAheadAndCacheChangeNoSample) {
  const auto dataset = memory_dataset(7, 10);
  Loader one(dataset, {.batch = 3, .seed = 5, .threads = 1, .read_ahead = 1}, centre_box);
  Loader many(dataset, {.batch = 3, .seed = 5, .threads = 3, .read_ahead = 5, .cache_bytes = 0},
              centre_box);
  const std::vector<RawSample> samples = samples_of(one, 9);
  expect_same(samples, samples_of(many, 9));
  Loader none(dataset, {.batch = 3, .seed = 5, .threads = 0}, centre_box);
  expect_same(samples, samples_of(none, 9));
  EXPECT_EQ(none.state(), 9);
}

TEST(Loader, BatchSizeChangesNoSample) {
  const auto dataset = memory_dataset(7, 10);
  Loader threes(dataset, {.batch = 3, .seed = 5}, centre_box);
  Loader fours(dataset, {.batch = 4, .seed = 5}, centre_box);
  expect_same(samples_of(threes, 4), samples_of(fours, 3));
}

TEST(Loader, ContinuesFromItsState) {
  const auto dataset = memory_dataset(7, 10);
  Loader whole(dataset, {.batch = 3, .seed = 5}, centre_box);
  samples_of(whole, 4);
  EXPECT_EQ(whole.state(), 4);
  Loader rest(dataset, {.batch = 3, .seed = 5, .start = whole.state()}, centre_box);
  expect_same(samples_of(whole, 3), samples_of(rest, 3));
}

TEST(Loader, AnEpochOfWholeBatchesLeavesOutTheRest) {
  const auto dataset = memory_dataset(7, 10);
  Loader whole(dataset, {.batch = 1, .seed = 5}, centre_box);
  Loader dropping(dataset, {.batch = 3, .seed = 5, .drop_last = true}, centre_box);
  std::vector<RawSample> expected = samples_of(whole, 13);
  expected.erase(expected.begin() + 6);  // the seventh sample of the first epoch
  expect_same(samples_of(dropping, 4), expected);
  EXPECT_THROW(Loader(dataset, {.batch = 8, .drop_last = true}, centre_box), Error);
}

TEST(Loader, RanksShareTheBatchesOfOneProcess) {
  const auto dataset = memory_dataset(7, 10);
  Loader single(dataset, {.batch = 4, .seed = 5}, centre_box);
  Loader first(dataset, {.batch = 2, .seed = 5, .rank = 0, .ranks = 2}, centre_box);
  Loader second(dataset, {.batch = 2, .seed = 5, .rank = 1, .ranks = 2}, centre_box);
  std::vector<RawSample> both = samples_of(first, 1);
  for (RawSample& sample : samples_of(second, 1)) {
    both.push_back(std::move(sample));
  }
  expect_same(samples_of(single, 1), both);
}

TEST(Loader, SampleHoldsThePixelsOfItsBox) {
  const auto dataset = memory_dataset(1, 10);
  Loader loader(dataset, {.batch = 1, .seed = 1}, [](const SampleKey&) {
    return core::Box3{.start = {0, 3, 3}, .shape = {1, 2, 4}};
  });
  const RawSample sample = loader.next().samples[0];
  EXPECT_EQ(sample.image_YX.sizes(), (std::vector<std::int64_t>{2, 4}));
  EXPECT_TRUE(sample.labels_YX[0].equal(at::tensor({0, 0, 1, 1}, at::kByte)));
  ASSERT_TRUE(sample.key.foreground.has_value());
  EXPECT_GE((*sample.key.foreground)[2], 5);
}

TEST(Loader, ErrorsOfTheWorkersArriveAtNext) {
  const auto dataset = memory_dataset(2, 10);
  Loader loader(dataset, {.batch = 1}, [](const SampleKey&) {
    return core::Box3{.start = {0, 8, 0}, .shape = {1, 4, 4}};
  });
  EXPECT_THROW(loader.next(), Error);
}

}  // namespace
}  // namespace retina::data
