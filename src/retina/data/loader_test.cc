#include "retina/data/loader.h"

#include <atomic>
#include <set>

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
    ASSERT_EQ(a[i].labels_YX.defined(), b[i].labels_YX.defined());
    EXPECT_TRUE(!a[i].labels_YX.defined() || a[i].labels_YX.equal(b[i].labels_YX));
  }
}

/// Another volume, with the number of voxels that were read of it.
class CountedVolume final : public core::Volume {
 public:
  explicit CountedVolume(std::shared_ptr<const core::Volume> volume)
      : Volume(volume->info()), volume_(std::move(volume)) {}
  std::int64_t voxels_read() const { return voxels_read_; }

 protected:
  core::Array read_box(const core::Box3& box) const override {
    voxels_read_ += box.voxels();
    return volume_->read(box);
  }

 private:
  std::shared_ptr<const core::Volume> volume_;
  mutable std::atomic<std::int64_t> voxels_read_ = 0;
};

/// All planes of a volume of 20 x 24 x 30 different u16 voxels along the three axes, unlabelled.
struct UnlabelledPlanes {
  std::shared_ptr<CountedVolume> volume;
  std::shared_ptr<Dataset> dataset = std::make_shared<Dataset>();

  UnlabelledPlanes() {
    core::Array values(core::DType::u16, 1, {20, 24, 30});
    std::uint16_t next = 0;
    for (std::uint16_t& value : values.values<std::uint16_t>()) {
      value = next++;
    }
    volume = std::make_shared<CountedVolume>(core::in_memory(std::move(values)));
    dataset->volumes.push_back({.name = "volume",
                                .image = volume,
                                .labels = nullptr,
                                .range = {.low = 100, .high = 14000}});
    for (const int axis : {0, 1, 2}) {
      const auto planes = slices_across(volume->shape(), 0, axis, 1);
      dataset->slices.insert(dataset->slices.end(), planes.begin(), planes.end());
    }
  }
};

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
  EXPECT_FALSE(sample.key.known.has_value());
}

TEST(Loader, SamplesOfPartlyKnownPlanesHaveAKnownPixel) {
  const auto dataset = memory_dataset(1, 10);
  dataset->label_map.ignore_value = 1;  // which is the right half
  Loader loader(dataset, {.batch = 20, .seed = 1}, centre_box);
  std::set<core::Vec3> pixels;
  for (const RawSample& sample : loader.next().samples) {
    EXPECT_FALSE(sample.key.foreground.has_value());
    ASSERT_TRUE(sample.key.known.has_value());
    EXPECT_LT((*sample.key.known)[2], 5);
    pixels.insert(*sample.key.known);
  }
  EXPECT_GT(pixels.size(), 10U);
}

TEST(Loader, OfLargeUnlabelledPlanesOnlyTheBoxIsRead) {
  const UnlabelledPlanes parts;
  Loader of_parts(parts.dataset, {.batch = 4, .seed = 5, .threads = 0, .cache_bytes = 1000},
                  centre_box);
  const std::vector<RawSample> samples = samples_of(of_parts, 10);
  EXPECT_EQ(parts.volume->voxels_read(), 40 * 4 * 5);

  const UnlabelledPlanes planes;  // that all fit into the cache
  Loader of_planes(planes.dataset, {.batch = 4, .seed = 5, .threads = 0}, centre_box);
  expect_same(samples, samples_of(of_planes, 10));
  EXPECT_GT(planes.volume->voxels_read(), parts.volume->voxels_read());
}

TEST(Loader, PlanesThatAllFitIntoTheCacheAreReadOnce) {
  const UnlabelledPlanes planes;
  Loader loader(planes.dataset, {.batch = 74, .seed = 5, .threads = 0}, centre_box);
  samples_of(loader, 3);  // three epochs
  EXPECT_EQ(planes.volume->voxels_read(), 3 * 20 * 24 * 30);
}

TEST(Loader, PlanesHardlyLargerThanTheBoxAreReadWhole) {
  const UnlabelledPlanes planes;
  Loader loader(planes.dataset, {.batch = 1, .seed = 5, .threads = 0, .cache_bytes = 1000},
                [](const SampleKey& key) {
                  return core::Box3{.start = {0, 1, 1},
                                    .shape = {1, key.plane_shape[1] - 2, key.plane_shape[2] - 2}};
                });
  const core::Vec3 plane = loader.next().samples[0].key.plane_shape;
  EXPECT_EQ(planes.volume->voxels_read(), plane[1] * plane[2]);
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
