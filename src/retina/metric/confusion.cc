#include "retina/metric/confusion.h"

#include <algorithm>
#include <array>
#include <span>

#include <fmt/format.h>

#include "retina/metric/class_mask.h"

namespace retina::metric {

void Confusion::add(const core::Array& prediction, const core::Array& truth) {
  require_equal_shapes(prediction, truth);
  constexpr std::int64_t kRun = 4096;
  std::array<std::int64_t, kRun> predicted{};
  std::array<std::int64_t, kRun> actual{};
  Pair current{0, 0};
  std::int64_t repeats = 0;  // labels come in long runs: one look-up for each
  for (std::int64_t first = 0; first < truth.elements(); first += kRun) {
    const auto size = static_cast<std::size_t>(std::min(kRun, truth.elements() - first));
    read_labels(prediction, first, std::span(predicted).first(size));
    read_labels(truth, first, std::span(actual).first(size));
    for (std::size_t i = 0; i < size; ++i) {
      if (actual[i] != current.first || predicted[i] != current.second) {
        count(current, repeats);
        current = {actual[i], predicted[i]};
        repeats = 0;
      }
      ++repeats;
    }
  }
  count(current, repeats);
}

void Confusion::count(Pair pair, std::int64_t voxels) {
  if (voxels == 0) {
    return;
  }
  pairs_[pair] += voxels;
  if (pairs_.size() > kMaxPairs) {
    throw Error(
        ErrorKind::bad_data,
        Problem{.subject = "labels",
                .found = fmt::format("more than {} pairs of truth and predicted labels", kMaxPairs),
                .expected = "class maps with few labels",
                .remedy = "give class maps; instance labels have scores of their own"});
  }
}

std::set<std::int64_t> Confusion::truth_labels() const {
  std::set<std::int64_t> labels;
  for (const auto& [pair, voxels] : pairs_) {
    labels.insert(pair.first);
  }
  return labels;
}

std::set<std::int64_t> Confusion::predicted_labels() const {
  std::set<std::int64_t> labels;
  for (const auto& [pair, voxels] : pairs_) {
    labels.insert(pair.second);
  }
  return labels;
}

std::int64_t Confusion::voxels() const {
  std::int64_t sum = 0;
  for (const auto& [pair, voxels] : pairs_) {
    sum += voxels;
  }
  return sum;
}

Confusion Confusion::mapped(const std::function<std::optional<Pair>(Pair)>& map) const {
  Confusion result;
  for (const auto& [pair, voxels] : pairs_) {
    if (const auto target = map(pair)) {
      result.count(*target, voxels);
    }
  }
  return result;
}

OverlapCounts Confusion::overlap(std::int64_t class_id) const {
  OverlapCounts counts;
  for (const auto& [pair, voxels] : pairs_) {
    const bool actual = pair.first == class_id;
    const bool predicted = pair.second == class_id;
    counts.tp += actual && predicted ? voxels : 0;
    counts.fp += !actual && predicted ? voxels : 0;
    counts.fn += actual && !predicted ? voxels : 0;
  }
  return counts;
}

}  // namespace retina::metric
