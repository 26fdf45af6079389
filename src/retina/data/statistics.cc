#include "retina/data/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "retina/core/rng.h"

namespace retina::data {

void Statistics::add(const LabelledPlane& plane) {
  for (const std::uint8_t v : plane.image.values<std::uint8_t>()) {
    ++histogram[v];
  }
  ++planes;
  non_finite += plane.non_finite;
  if (plane.labels.elements() == 0) {
    return;
  }
  std::array<std::int64_t, 256> counts{};
  for (const std::uint8_t id : plane.labels.values<std::uint8_t>()) {
    ++counts[id];
  }
  for (std::size_t id = 0; id < counts.size(); ++id) {
    class_pixels[id] += counts[id];
  }
  if (counts[0] + counts[kIgnore] == plane.labels.elements()) {
    ++empty_planes;
  }
}

std::int64_t Statistics::pixels() const {
  return std::accumulate(histogram.begin(), histogram.end(), std::int64_t{0});
}

double Statistics::mean() const {
  double sum = 0;
  for (std::size_t v = 0; v < histogram.size(); ++v) {
    sum += static_cast<double>(v) * static_cast<double>(histogram[v]);
  }
  return pixels() == 0 ? 0 : sum / static_cast<double>(pixels()) / 255;
}

double Statistics::std() const {
  const double centre = mean() * 255;
  double sum = 0;
  for (std::size_t v = 0; v < histogram.size(); ++v) {
    const double d = static_cast<double>(v) - centre;
    sum += d * d * static_cast<double>(histogram[v]);
  }
  return pixels() == 0 ? 0 : std::sqrt(sum / static_cast<double>(pixels())) / 255;
}

std::vector<double> Statistics::class_shares(int class_count) const {
  const std::int64_t known =
      std::accumulate(class_pixels.begin(), class_pixels.begin() + kIgnore, std::int64_t{0});
  std::vector<double> shares;
  for (int id = 0; id < class_count; ++id) {
    const auto count = static_cast<double>(class_pixels[static_cast<std::size_t>(id)]);
    shares.push_back(known == 0 ? 0 : count / static_cast<double>(known));
  }
  return shares;
}

Statistics measure(const Dataset& dataset, std::int64_t max_planes, std::uint64_t seed) {
  std::vector<Slice> slices = dataset.slices;
  core::Rng rng(seed);
  const auto take = static_cast<std::size_t>(
      std::min<std::int64_t>(max_planes, static_cast<std::int64_t>(slices.size())));
  Statistics statistics;
  for (std::size_t i = 0; i < take; ++i) {
    if (take < slices.size()) {
      const auto other =
          rng.integer(static_cast<std::int64_t>(i), static_cast<std::int64_t>(slices.size()) - 1);
      std::swap(slices[i], slices[static_cast<std::size_t>(other)]);
    }
    statistics.add(read_plane(dataset, slices[i]));
  }
  return statistics;
}

}  // namespace retina::data
