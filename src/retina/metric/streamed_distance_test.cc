#include "retina/metric/streamed_distance.h"

#include <gtest/gtest.h>

#include "retina/core/rng.h"
#include "retina/core/volume.h"
#include "retina/metric/class_mask.h"
#include "retina/testing/temp_folder.h"

namespace retina::metric {
namespace {

using core::Array;
using core::DType;
using core::Vec3;
using core::Vec3d;

Array sparse_mask(const Vec3& shape, double density, std::uint64_t seed) {
  Array mask(DType::u8, 1, shape);
  core::Rng rng(seed);
  for (auto& value : mask.values<std::uint8_t>()) {
    value = rng.chance(density) ? 1 : 0;
  }
  mask.values<std::uint8_t>()[seed % 7] = 1;
  return mask;
}

StreamedMasks masks_of(const Array& prediction, const Array& truth) {
  const auto reader = [](const Array& mask) {
    return [volume = std::shared_ptr<const core::Volume>(core::in_memory(mask))](
               const core::Box3& box) { return volume->read(box); };
  };
  return {prediction.shape(), reader(prediction), reader(truth)};
}

void expect_equal(const DirectedSummary& found, const Array& from, const Array& to,
                  const Vec3d& sampling, double threshold) {
  const auto distances = directed_distances(from, to, sampling).value();
  const auto expected = summarise(distances).value();
  EXPECT_EQ(found.count, std::ssize(distances));
  EXPECT_EQ(found.unresolved, 0);
  EXPECT_NEAR(found.mean, expected.mean, 1e-12 * (1 + expected.mean));
  EXPECT_NEAR(found.max, expected.max, 1e-12 * (1 + expected.max));
  EXPECT_EQ(found.beyond, std::ranges::count_if(
                              distances, [&](double distance) { return distance > threshold; }));
}

TEST(StreamedDistance, EqualsTheWholeByBlocksAndOnDisk) {
  const testing::TempFolder folder;
  for (const Vec3d sampling : {Vec3d{1, 1, 1}, Vec3d{40, 4, 4}}) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const Vec3 shape{9, 23, 31};
      const Array prediction = sparse_mask(shape, 0.01, seed);
      const Array truth = sparse_mask(shape, 0.02, seed + 50);
      StreamedDistanceOptions options{.sampling = sampling,
                                      .halo = 24 * sampling[2],
                                      .threshold = 5.5 * sampling[2],
                                      .max_bytes = 700'000,
                                      .scratch = {}};
      for (const auto& scratch : {std::filesystem::path{}, folder.path()}) {
        options.scratch = scratch;
        const StreamedDistances found =
            streamed_distances(masks_of(prediction, truth), options, core::silent_context());
        expect_equal(found.prediction_to_truth, prediction, truth, sampling, options.threshold);
        expect_equal(found.truth_to_prediction, truth, prediction, sampling, options.threshold);
      }
    }
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(StreamedDistance, CountsWhatLiesBeyondTheHaloInsteadOfGuessing) {
  Array prediction(DType::u8, 1, {1, 1, 100});
  Array truth(DType::u8, 1, {1, 1, 100});
  truth.at<std::uint8_t>(0, 0, 0, 0) = 1;
  for (const std::int64_t x : {4, 10, 60, 99}) {
    prediction.at<std::uint8_t>(0, 0, 0, x) = 1;
  }
  const StreamedDistanceOptions options{
      .halo = 10, .threshold = 8, .max_bytes = 32 * 40, .scratch = {}};
  const StreamedDistances found =
      streamed_distances(masks_of(prediction, truth), options, core::silent_context());
  EXPECT_EQ(found.prediction_to_truth.unresolved, 2);
  EXPECT_EQ(found.prediction_to_truth.beyond, 3);  // 10, 60 and 99: the halo reaches the threshold
  EXPECT_EQ(found.truth_to_prediction.unresolved, 0);
  EXPECT_EQ(found.truth_to_prediction.max, 4);
}

TEST(StreamedDistance, RefusesAHaloThatDoesNotFit) {
  const Array mask = sparse_mask({50, 50, 50}, 0.1, 1);
  EXPECT_THROW(streamed_distances(masks_of(mask, mask), {.max_bytes = 1000, .scratch = {}},
                                  core::silent_context()),
               Error);
}

}  // namespace
}  // namespace retina::metric
