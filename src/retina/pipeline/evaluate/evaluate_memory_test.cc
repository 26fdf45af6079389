// What evaluation costs in memory: counts and distances of volumes that are made as they are read.
#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/pipeline/evaluate/evaluate.h"

namespace retina::pipeline {
namespace {

using core::Vec3;

/// A volume of zeros with a cube of ones every `pitch` voxels along each axis.
class SparseCubes final : public core::Volume {
 public:
  SparseCubes(const Vec3& shape, std::int64_t pitch, std::int64_t side)
      : Volume(describe_cubes(shape)), pitch_(pitch), start_(2 * pitch / 5), side_(side) {}

 protected:
  core::Array read_box(const core::Box3& box) const override {
    core::Array values(core::DType::u8, 1, box.shape);
    for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
      for (std::int64_t y = box.start[1]; y < box.stop()[1]; ++y) {
        if (is_inside(z) && is_inside(y)) {
          fill_row(values, box, z, y);
        }
      }
    }
    return values;
  }

 private:
  static core::VolumeInfo describe_cubes(const Vec3& shape) {
    core::VolumeInfo info;
    info.source = "cubes";
    info.shape = shape;
    info.chunk = {64, 64, 64};
    return info;
  }

  bool is_inside(std::int64_t at) const {
    return at % pitch_ >= start_ && at % pitch_ < start_ + side_;
  }

  void fill_row(core::Array& values, const core::Box3& box, std::int64_t z, std::int64_t y) const {
    auto* row = &values.at<std::uint8_t>(0, z - box.start[0], y - box.start[1], 0);
    for (std::int64_t x = box.start[2]; x < box.stop()[2]; ++x) {
      row[x - box.start[2]] = is_inside(x) ? 1 : 0;
    }
  }

  std::int64_t pitch_;
  std::int64_t start_;
  std::int64_t side_;
};

/// Truth: cubes of 6. Prediction: cubes of 4 within them, at the same first corner.
LabelPair pair_of_cubes(const Vec3& shape, std::int64_t pitch) {
  return {"cubes", [=] { return std::make_shared<SparseCubes>(shape, pitch, 4); },
          [=] { return std::make_shared<SparseCubes>(shape, pitch, 6); }};
}

/// Sides of `shape` are multiples of the pitch.
void expect_scores_of_cubes(const EvaluateReport& report, const Vec3& shape, std::int64_t pitch) {
  const std::int64_t cubes = shape[0] / pitch * (shape[1] / pitch) * (shape[2] / pitch);
  const metric::OverlapCounts& counts = report.classes.at(0).counts;
  EXPECT_EQ(counts.tp, cubes * 4 * 4 * 4);
  EXPECT_EQ(counts.fp, 0);
  EXPECT_EQ(counts.fn, cubes * (6 * 6 * 6 - 4 * 4 * 4));
  // truth to prediction: a voxel (i, j, k) of a cube of 6 is max(0, i - 3), ... away
  double sum = 0;
  for (int z = 0; z < 6; ++z) {
    for (int y = 0; y < 6; ++y) {
      for (int x = 0; x < 6; ++x) {
        sum += std::hypot(std::max(0, z - 3), std::max(0, y - 3), std::max(0, x - 3));
      }
    }
  }
  EXPECT_NEAR(report.classes[0].mfd.value.value(), 0.5 * sum / 216, 1e-9);
}

TEST(EvaluateMemory, ALargeSparseVolumeIsScoredExactlyByBlocks) {
  const Vec3 shape{100, 400, 500};
  EvaluateOptions options;
  options.max_ram = "40MiB";  // the whole would need 560 MB for distances
  options.distance_halo = 8;
  expect_scores_of_cubes(
      evaluate_pairs({pair_of_cubes(shape, 100)}, options, core::silent_context()), shape, 100);
}

TEST(EvaluateMemory, ADenseVolumeIsScoredExactlyByBlocks) {
  const Vec3 shape{100, 200, 200};
  EvaluateOptions options;
  options.max_ram = "40MiB";  // the whole would need 116 MB
  options.distance_halo = 16;
  expect_scores_of_cubes(
      evaluate_pairs({pair_of_cubes(shape, 10)}, options, core::silent_context()), shape, 10);
}

/// Four times the volume in the same memory.
TEST(EvaluateMemorySlow, IsFlatAndUnderOneGibibyte) {
  EvaluateOptions options;
  options.distance_halo = 16;
  std::int64_t peaks[2] = {};
  for (const int large : {0, 1}) {
    const Vec3 shape{large == 1 ? 2000 : 500, 1000, 1000};
    expect_scores_of_cubes(
        evaluate_pairs({pair_of_cubes(shape, 500)}, options, core::silent_context()), shape, 500);
    peaks[large] = core::peak_rss_bytes();
  }
  EXPECT_LT(peaks[1], std::int64_t{1} << 30);
  EXPECT_LT(peaks[1] - peaks[0], std::int64_t{32} << 20);
}

}  // namespace
}  // namespace retina::pipeline
