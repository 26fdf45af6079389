#include "retina/pipeline/check/duplicates.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

namespace retina::pipeline {
namespace {

/// Planes that share a histogram without being copies are compared at most this often.
constexpr std::int64_t kMostComparisons = 2000;

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  // 64-bit finaliser of SplitMix: every bit of the value moves every bit of the hash
  std::uint64_t x = hash ^ (value + 0x9E3779B97F4A7C15ULL + (hash << 6U));
  x = (x ^ (x >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27U)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31U);
}

std::uint64_t hash_of(const core::Array& plane) {
  std::uint64_t hash = mix(static_cast<std::uint64_t>(plane.shape()[1]),
                           static_cast<std::uint64_t>(plane.shape()[2]));
  const std::span<const std::uint8_t> pixels = plane.values<std::uint8_t>();
  std::uint64_t word = 0;
  for (std::size_t i = 0; i < pixels.size(); ++i) {
    word = word << 8U | pixels[i];
    if (i % 8 == 7) {
      hash = mix(hash, word);
    }
  }
  return mix(hash, word);
}

/// The plane with axes swapped or not, then flipped along y, x: the 8 symmetries of a square.
core::Array turned(const core::Array& plane, int symmetry) {
  const bool swaps = (symmetry & 4) != 0;
  const std::int64_t height = plane.shape()[1];
  const std::int64_t width = plane.shape()[2];
  core::Array out(plane.dtype(), 1,
                  swaps ? core::Vec3{1, width, height} : core::Vec3{1, height, width});
  const auto in = plane.values<std::uint8_t>();
  const auto target = out.values<std::uint8_t>();
  std::size_t i = 0;
  for (std::int64_t y = 0; y < out.shape()[1]; ++y) {
    for (std::int64_t x = 0; x < out.shape()[2]; ++x) {
      const std::int64_t fy = (symmetry & 1) != 0 ? out.shape()[1] - 1 - y : y;
      const std::int64_t fx = (symmetry & 2) != 0 ? out.shape()[2] - 1 - x : x;
      target[i++] = in[static_cast<std::size_t>(swaps ? fx * width + fy : fy * width + fx)];
    }
  }
  return out;
}

bool is_turned_copy(const core::Array& a, const core::Array& b) {
  for (int symmetry = 1; symmetry < 8; ++symmetry) {
    if (turned(a, symmetry) == b) {
      return true;
    }
  }
  return false;
}

using Groups = std::map<std::uint64_t, std::vector<std::int64_t>>;

}  // namespace

PlanePrint print_of(const data::LabelledPlane& plane) {
  PlanePrint print{.content = hash_of(plane.image)};
  print.labels = plane.labels.elements() > 0 ? hash_of(plane.labels) : 0;
  std::array<std::uint64_t, 256> histogram{};
  for (const std::uint8_t value : plane.image.values<std::uint8_t>()) {
    ++histogram[value];
  }
  const auto [low, high] = std::minmax(plane.image.shape()[1], plane.image.shape()[2]);
  print.turned = mix(static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(high));
  for (const std::uint64_t count : histogram) {
    print.turned = mix(print.turned, count);
  }
  print.is_constant = std::count(histogram.begin(), histogram.end(), 0U) >= 255;
  return print;
}

std::vector<Duplicate> find_duplicates(const std::vector<PlanePrint>& prints,
                                       const std::function<core::Array(std::int64_t)>& read_image) {
  std::vector<Duplicate> found;
  Groups contents;
  Groups alike;  // of each content the first plane
  for (std::size_t i = 0; i < prints.size(); ++i) {
    const PlanePrint& print = prints[i];
    if (print.is_constant) {
      continue;
    }
    std::vector<std::int64_t>& same = contents[print.content];
    const auto number = static_cast<std::int64_t>(i);
    if (same.empty()) {
      alike[print.turned].push_back(number);
    } else {
      found.push_back(
          {.first = same.front(),
           .second = number,
           .labels_differ = prints[static_cast<std::size_t>(same.front())].labels != print.labels});
    }
    same.push_back(number);
  }
  std::int64_t comparisons = 0;
  for (const auto& [key, planes] : alike) {
    if (planes.size() < 2) {
      continue;
    }
    const core::Array first = read_image(planes.front());
    for (std::size_t i = 1; i < planes.size() && comparisons < kMostComparisons; ++i) {
      ++comparisons;
      if (is_turned_copy(first, read_image(planes[i]))) {
        found.push_back({.first = planes.front(), .second = planes[i], .is_turned = true});
      }
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Duplicate& a, const Duplicate& b) { return a.second < b.second; });
  return found;
}

}  // namespace retina::pipeline
