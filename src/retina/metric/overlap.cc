#include "retina/metric/overlap.h"

#include "retina/metric/confusion.h"

namespace retina::metric {
namespace {

std::optional<double> ratio(std::int64_t numerator, std::int64_t denominator) {
  if (denominator == 0) {
    return std::nullopt;
  }
  return static_cast<double>(numerator) / static_cast<double>(denominator);
}

}  // namespace

OverlapCounts& OverlapCounts::operator+=(const OverlapCounts& other) {
  tp += other.tp;
  fp += other.fp;
  fn += other.fn;
  return *this;
}

std::optional<double> OverlapCounts::iou() const {
  return ratio(tp, tp + fp + fn);
}

std::optional<double> OverlapCounts::f_score() const {
  return ratio(2 * tp, 2 * tp + fp + fn);
}

std::optional<double> OverlapCounts::precision() const {
  return ratio(tp, tp + fp);
}

std::optional<double> OverlapCounts::recall() const {
  return ratio(tp, tp + fn);
}

double OverlapCounts::smoothed_iou() const {
  constexpr double kEpsilon = 1e-5;
  return (static_cast<double>(tp) + kEpsilon) / (static_cast<double>(tp + fp + fn) + kEpsilon);
}

std::vector<OverlapCounts> count_overlap(const core::Array& prediction, const core::Array& truth,
                                         const std::vector<std::int64_t>& class_ids,
                                         std::optional<std::int64_t> ignore_value) {
  Confusion confusion;
  confusion.add(prediction, truth);
  if (ignore_value) {
    confusion = confusion.mapped([&](Confusion::Pair pair) {
      return pair.first == *ignore_value ? std::nullopt : std::optional(pair);
    });
  }
  std::vector<OverlapCounts> counts;
  for (const std::int64_t id : class_ids) {
    counts.push_back(confusion.overlap(id));
  }
  return counts;
}

}  // namespace retina::metric
