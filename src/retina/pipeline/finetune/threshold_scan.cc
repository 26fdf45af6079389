#include "retina/pipeline/finetune/threshold_scan.h"

#include <algorithm>
#include <cmath>

#include "retina/data/dataset.h"
#include "retina/metric/overlap.h"

namespace retina::pipeline {
namespace {

constexpr int kSteps = 100;
constexpr std::size_t kHalf = kSteps / 2 - 1;

}  // namespace

ThresholdScan::ThresholdScan() : sums_(kSteps - 1, 0.0) {
  for (int i = 1; i < kSteps; ++i) {
    thresholds_.push_back(static_cast<float>(i) / kSteps);
  }
}

void ThresholdScan::add_slice(std::span<const float> probabilities,
                              std::span<const std::uint8_t> truth) {
  // pixels by how many thresholds they exceed: foreground and background
  std::vector<std::int64_t> inside(thresholds_.size() + 1, 0);
  std::vector<std::int64_t> outside(thresholds_.size() + 1, 0);
  for (std::size_t i = 0; i < truth.size(); ++i) {
    if (truth[i] == data::kIgnore) {
      continue;
    }
    const auto exceeded = static_cast<std::size_t>(
        std::lower_bound(thresholds_.begin(), thresholds_.end(), probabilities[i]) -
        thresholds_.begin());
    ++(truth[i] == 1 ? inside : outside)[exceeded];
  }
  metric::OverlapCounts counts;
  for (const std::int64_t pixels : inside) {
    counts.tp += pixels;
  }
  for (const std::int64_t pixels : outside) {
    counts.fp += pixels;
  }
  if (counts.tp + counts.fp == 0) {
    return;  // a slice of which nothing is known says nothing
  }
  for (std::size_t k = 0; k < thresholds_.size(); ++k) {
    counts.tp -= inside[k];  // pixels that exceed k thresholds do not exceed threshold number k
    counts.fn += inside[k];
    counts.fp -= outside[k];
    sums_[k] += counts.smoothed_iou();
  }
  ++slices_;
}

TunedThreshold ThresholdScan::best() const {
  const auto slices = static_cast<double>(std::max<std::int64_t>(1, slices_));
  std::size_t chosen = kHalf;
  for (std::size_t k = 0; k < sums_.size(); ++k) {
    const auto away = [](std::size_t i) { return i < kHalf ? kHalf - i : i - kHalf; };
    if (sums_[k] > sums_[chosen] || (sums_[k] == sums_[chosen] && away(k) < away(chosen))) {
      chosen = k;
    }
  }
  return {.threshold = static_cast<double>(chosen + 1) / kSteps,
          .iou = sums_[chosen] / slices,
          .iou_at_half = sums_[kHalf] / slices};
}

}  // namespace retina::pipeline
