#include "retina/data/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "retina/core/rng.h"

namespace retina::data {

namespace {

void count_bytes(const core::Array& bytes, std::array<std::int64_t, 256>& counts) {
  for (const std::uint8_t value : bytes.values<std::uint8_t>()) {
    ++counts[value];
  }
}

std::int64_t sum(const std::array<std::int64_t, 256>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

}  // namespace

void PixelCounts::add_image(const LabelledPlane& part) {
  count_bytes(part.image, histogram);
  non_finite += part.non_finite;
}

void PixelCounts::add_labels(const core::Array& part) {
  count_bytes(part, class_pixels);
}

void Statistics::add_plane(const PixelCounts& plane) {
  for (std::size_t i = 0; i < histogram.size(); ++i) {
    histogram[i] += plane.histogram[i];
    class_pixels[i] += plane.class_pixels[i];
  }
  non_finite += plane.non_finite;
  ++planes;
  const std::int64_t labelled = sum(plane.class_pixels);
  if (labelled > 0 && plane.class_pixels[0] + plane.class_pixels[kIgnore] == labelled) {
    ++empty_planes;
  }
}

void Statistics::add_plane(const LabelledPlane& plane) {
  PixelCounts counts;
  counts.add_image(plane);
  if (plane.labels.elements() > 0) {
    counts.add_labels(plane.labels);
  }
  add_plane(counts);
}

std::int64_t Statistics::pixels() const {
  return sum(histogram);
}

double Statistics::mean() const {
  double total = 0;
  for (std::size_t v = 0; v < histogram.size(); ++v) {
    total += static_cast<double>(v) * static_cast<double>(histogram[v]);
  }
  return pixels() == 0 ? 0 : total / static_cast<double>(pixels()) / 255;
}

double Statistics::std() const {
  const double centre = mean() * 255;
  double total = 0;
  for (std::size_t v = 0; v < histogram.size(); ++v) {
    const double d = static_cast<double>(v) - centre;
    total += d * d * static_cast<double>(histogram[v]);
  }
  return pixels() == 0 ? 0 : std::sqrt(total / static_cast<double>(pixels())) / 255;
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
  std::vector<Slice> slices = distinct(dataset.slices);
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
    statistics.add_plane(read_plane(dataset, slices[i]));
  }
  return statistics;
}

}  // namespace retina::data
