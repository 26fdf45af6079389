#include "retina/metric/streamed_distance.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/volume.h"
#include "retina/metric/class_mask.h"
#include "retina/metric/mask_test_data.h"
#include "retina/testing/stopping_context.h"
#include "retina/testing/temp_folder.h"

namespace retina::metric {
namespace {

using core::Array;
using core::DType;
using core::Vec3;
using core::Vec3d;

Array mask_with_a_voxel(const Vec3& shape, double density, std::uint64_t seed) {
  Array mask = random_mask(shape, density, seed);
  mask.values<std::uint8_t>()[seed % 7] = 1;
  return mask;
}

void expect_equal(const DirectedSummary& found, const Array& from, const Array& to,
                  const Vec3d& sampling, double threshold) {
  const auto distances = directed_distances(from, to, sampling, core::silent_context()).value();
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
    for (std::uint64_t seed = 0; seed < 9; ++seed) {
      const Vec3 shape{9, 23, 31};
      const double density = seed < 6 ? 0.01 : 0.3 * static_cast<double>(seed - 5);
      const Array prediction = mask_with_a_voxel(shape, density, seed);
      const Array truth = mask_with_a_voxel(shape, std::min(2 * density, 0.9), seed + 50);
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

/// About half of a volume of {20, 40, 50}, with steps in its border that `shift` moves.
Array half_filled(std::int64_t shift) {
  Array mask(DType::u8, 1, {20, 40, 50});
  for (std::int64_t z = 0; z < 20; ++z) {
    for (std::int64_t y = 0; y < 40; ++y) {
      for (std::int64_t x = 0; x < 50; ++x) {
        const std::int64_t border = 22 + 2 * ((z + shift) / 5 % 2) + 3 * ((y + shift) / 9 % 2);
        mask.at<std::uint8_t>(0, z, y, x) = x + shift / 2 < border ? 1 : 0;
      }
    }
  }
  return mask;
}

TEST(StreamedDistance, AnyTilingOfADenseMaskGivesTheWholeInLinearTime) {
  const Array prediction = half_filled(0);
  const Array truth = half_filled(3);
  std::int64_t voxels_read = 0;
  StreamedMasks masks = masks_of(prediction, truth);
  masks.prediction = [&, read = masks.prediction](const core::Box3& box) {
    voxels_read += box.voxels();
    return read(box);
  };
  for (const Vec3d sampling : {Vec3d{1, 1, 1}, Vec3d{10, 4, 4}, Vec3d{4, 10, 4}}) {
    const double side = *std::min_element(sampling.begin(), sampling.end());
    // from the smallest that is not refused, over bands of rows, to the whole
    for (const std::int64_t max_bytes : {29'000, 40'000, 70'000, 100'000, 1'000'000}) {
      voxels_read = 0;
      const StreamedDistances found = streamed_distances(masks,
                                                         {.sampling = sampling,
                                                          .halo = 5 * side,
                                                          .threshold = 1.5 * side,
                                                          .max_bytes = max_bytes,
                                                          .scratch = {}},
                                                         core::silent_context());
      expect_equal(found.prediction_to_truth, prediction, truth, sampling, 1.5 * side);
      expect_equal(found.truth_to_prediction, truth, prediction, sampling, 1.5 * side);
      EXPECT_LE(voxels_read, 4 * prediction.voxels()) << max_bytes;
    }
  }
}

TEST(StreamedDistance, CountsWhatLiesBeyondTheHaloInsteadOfGuessing) {
  Array prediction(DType::u8, 1, {1, 1, 100});
  Array truth(DType::u8, 1, {1, 1, 100});
  truth.at<std::uint8_t>(0, 0, 0, 0) = 1;
  for (const std::int64_t x : {4, 10, 60, 99}) {
    prediction.at<std::uint8_t>(0, 0, 0, x) = 1;
  }
  for (const std::int64_t max_bytes : {16 * 55, 16 * 75, 1'000'000}) {
    const StreamedDistanceOptions options{
        .halo = 10, .threshold = 8, .max_bytes = max_bytes, .scratch = {}};
    const StreamedDistances found =
        streamed_distances(masks_of(prediction, truth), options, core::silent_context());
    EXPECT_EQ(found.prediction_to_truth.unresolved, 2);
    EXPECT_EQ(found.prediction_to_truth.beyond,
              3);  // 10, 60 and 99: the halo reaches the threshold
    EXPECT_EQ(found.truth_to_prediction.unresolved, 0);
    EXPECT_EQ(found.truth_to_prediction.max, 4);
  }
}

TEST(StreamedDistance, RefusesAHaloThatDoesNotFit) {
  const Array mask = mask_with_a_voxel({50, 50, 50}, 0.1, 1);
  try {
    streamed_distances(masks_of(mask, mask), {.max_bytes = 1000, .scratch = {}},
                       core::silent_context());
    FAIL() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("--scratch"));
  }
  const Array tower = mask_with_a_voxel({70'000, 1, 1}, 0.1, 1);  // more steps than are counted
  EXPECT_THROW(streamed_distances(masks_of(tower, tower),
                                  {.halo = 66'000, .max_bytes = 1 << 30, .scratch = {}},
                                  core::silent_context()),
               Error);
}

TEST(StreamedDistance, StopsOnRequestAtTheNextPlane) {
  const testing::TempFolder folder;
  const Array mask = mask_with_a_voxel({30, 20, 20}, 0.3, 1);
  for (const auto& scratch : {std::filesystem::path{}, folder.path()}) {
    std::int64_t last = 0;
    const core::Context context = testing::stopping_context([&](const testing::Reported& report) {
      last = std::max(last, report.done);
      return report.is_update() && report.done == 7;
    });
    try {
      streamed_distances(masks_of(mask, mask), {.max_bytes = 1 << 20, .scratch = scratch}, context);
      FAIL() << "no error";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::interrupted);
    }
    EXPECT_EQ(last, 7);
  }
}

}  // namespace
}  // namespace retina::metric
