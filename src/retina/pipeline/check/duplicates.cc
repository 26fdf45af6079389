#include "retina/pipeline/check/duplicates.h"

#include <algorithm>
#include <map>
#include <utility>

#include "retina/core/slabs.h"

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

/// Where the pixels of a band of whole rows of the turned plane lie in the plane itself, whose
/// shape is `plane`.
core::Box3 before_turn(const core::Vec3& plane, int symmetry, const core::Box3& band) {
  const bool swaps = (symmetry & 4) != 0;
  const std::int64_t height = swaps ? plane[2] : plane[1];  // of the turned plane
  const std::int64_t start =
      (symmetry & 1) != 0 ? height - band.start[1] - band.shape[1] : band.start[1];
  core::Box3 box = core::whole(plane);
  box.start[swaps ? 2 : 1] = start;
  box.shape[swaps ? 2 : 1] = band.shape[1];
  return box;
}

/// Parts of one plane; the last is kept, as a small plane is one part that is asked for again.
class PartReader {
 public:
  PartReader(const ReadPart& read, std::int64_t plane) : read_(read), plane_(plane) {}

  const core::Array& operator()(const core::Box3& part) {
    if (!(part_ == part)) {
      pixels_ = read_(plane_, part);
      part_ = part;
    }
    return pixels_;
  }

 private:
  const ReadPart& read_;
  std::int64_t plane_;
  core::Box3 part_;
  core::Array pixels_;
};

bool is_copy_by(int symmetry, const core::Vec3& plane, PartReader& first, PartReader& second,
                std::int64_t band_pixels) {
  const bool swaps = (symmetry & 4) != 0;
  const core::Vec3 shape = swaps ? core::Vec3{1, plane[2], plane[1]} : plane;
  bool is_copy = true;
  core::for_each_slab(shape, {1, 1, 0}, band_pixels, [&](const core::Box3& band) {
    is_copy =
        is_copy && turned(first(before_turn(plane, symmetry, band)), symmetry) == second(band);
  });
  return is_copy;
}

bool is_turned_copy(const PlanePrint& first, const PlanePrint& second, PartReader& read_first,
                    PartReader& read_second, std::int64_t band_pixels) {
  for (int symmetry = 1; symmetry < 8; ++symmetry) {
    const bool swaps = (symmetry & 4) != 0;
    const bool fits = first.shape[swaps ? 2 : 1] == second.shape[1] &&
                      first.shape[swaps ? 1 : 2] == second.shape[2];
    if (fits && is_copy_by(symmetry, first.shape, read_first, read_second, band_pixels)) {
      return true;
    }
  }
  return false;
}

using Groups = std::map<std::uint64_t, std::vector<std::int64_t>>;

}  // namespace

PlaneHash::PlaneHash(const core::Vec3& plane)
    : hash_(mix(static_cast<std::uint64_t>(plane[1]), static_cast<std::uint64_t>(plane[2]))) {}

void PlaneHash::add(const core::Array& bytes) {
  for (const std::uint8_t value : bytes.values<std::uint8_t>()) {
    word_ = word_ << 8U | value;
    if (bytes_++ % 8 == 7) {
      hash_ = mix(hash_, word_);
    }
  }
}

std::uint64_t PlaneHash::value() const {
  return mix(hash_, word_);
}

PlanePrint print_of(const core::Vec3& shape, const PlaneHash& image, const PlaneHash* labels,
                    const data::PixelCounts& counts) {
  PlanePrint print{.shape = shape, .content = image.value()};
  print.labels = labels == nullptr ? 0 : labels->value();
  const auto [low, high] = std::minmax(shape[1], shape[2]);
  print.turned = mix(static_cast<std::uint64_t>(low), static_cast<std::uint64_t>(high));
  for (const std::int64_t count : counts.histogram) {
    print.turned = mix(print.turned, static_cast<std::uint64_t>(count));
  }
  print.is_constant = std::count(counts.histogram.begin(), counts.histogram.end(), 0) >= 255;
  return print;
}

std::vector<Duplicate> find_duplicates(const std::vector<PlanePrint>& prints,
                                       const ReadPart& read_part, std::int64_t band_pixels) {
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
    PartReader read_first(read_part, planes.front());
    const PlanePrint& first = prints[static_cast<std::size_t>(planes.front())];
    for (std::size_t i = 1; i < planes.size() && comparisons < kMostComparisons; ++i) {
      ++comparisons;
      PartReader read_second(read_part, planes[i]);
      if (is_turned_copy(first, prints[static_cast<std::size_t>(planes[i])], read_first,
                         read_second, band_pixels)) {
        found.push_back({.first = planes.front(), .second = planes[i], .is_turned = true});
      }
    }
  }
  std::sort(found.begin(), found.end(),
            [](const Duplicate& a, const Duplicate& b) { return a.second < b.second; });
  return found;
}

}  // namespace retina::pipeline
