#include "retina/pipeline/finetune/threshold_scan.h"

#include <gtest/gtest.h>

#include "retina/core/rng.h"
#include "retina/data/dataset.h"
#include "retina/metric/overlap.h"

namespace retina::pipeline {
namespace {

struct ScannedSlice {
  std::vector<float> probabilities;
  std::vector<std::uint8_t> truth;
};

/// Foreground is likely above `edge`.
ScannedSlice scanned_slice(double edge, std::uint64_t seed) {
  ScannedSlice slice;
  core::Rng rng(seed);
  for (int i = 0; i < 3000; ++i) {
    const auto p = static_cast<float>(rng.uniform(0, 1));
    slice.probabilities.push_back(p);
    slice.truth.push_back(rng.chance(p > edge ? 0.95 : 0.02) ? 1 : 0);
  }
  slice.truth[7] = data::kIgnore;
  return slice;
}

double mean_iou_at(const std::vector<ScannedSlice>& slices, float threshold) {
  double sum = 0;
  for (const ScannedSlice& slice : slices) {
    metric::OverlapCounts counts;
    for (std::size_t i = 0; i < slice.truth.size(); ++i) {
      if (slice.truth[i] == data::kIgnore) {
        continue;
      }
      const bool predicted = slice.probabilities[i] > threshold;
      counts.tp += predicted && slice.truth[i] == 1 ? 1 : 0;
      counts.fp += predicted && slice.truth[i] == 0 ? 1 : 0;
      counts.fn += !predicted && slice.truth[i] == 1 ? 1 : 0;
    }
    sum += counts.smoothed_iou();
  }
  return sum / static_cast<double>(slices.size());
}

TEST(ThresholdScan, FindsTheBestOfAllThresholds) {
  const std::vector<ScannedSlice> slices = {scanned_slice(0.3, 1), scanned_slice(0.35, 2)};
  ThresholdScan scan;
  for (const ScannedSlice& slice : slices) {
    scan.add_slice(slice.probabilities, slice.truth);
  }
  const TunedThreshold best = scan.best();
  EXPECT_NEAR(best.threshold, 0.32, 0.05);
  EXPECT_DOUBLE_EQ(best.iou, mean_iou_at(slices, static_cast<float>(best.threshold)));
  EXPECT_DOUBLE_EQ(best.iou_at_half, mean_iou_at(slices, 0.5F));
  for (int i = 1; i < 100; ++i) {
    EXPECT_LE(mean_iou_at(slices, static_cast<float>(i) / 100), best.iou + 1e-12) << i;
  }
}

TEST(ThresholdScan, LeavesOutSlicesOfWhichNothingIsKnown) {
  ThresholdScan scan;
  scan.add_slice(std::vector<float>{0.1F, 0.9F}, std::vector<std::uint8_t>{0, 1});
  const double alone = scan.best().iou;
  scan.add_slice(std::vector<float>{0.4F}, std::vector<std::uint8_t>{data::kIgnore});
  EXPECT_EQ(scan.best().iou, alone);
}

TEST(ThresholdScan, PrefersTheMiddleOfEquals) {
  ThresholdScan scan;
  scan.add_slice(std::vector<float>{0.1F, 0.9F}, std::vector<std::uint8_t>{0, 1});
  EXPECT_EQ(scan.best().threshold, 0.5);
}

}  // namespace
}  // namespace retina::pipeline
