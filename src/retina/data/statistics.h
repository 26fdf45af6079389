#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "retina/data/dataset.h"

namespace retina::data {

/// Counts over uint8 pixels and class ids.
struct PixelCounts {
  std::array<std::int64_t, 256> histogram{};     ///< pixels of each grey value
  std::array<std::int64_t, 256> class_pixels{};  ///< pixels of each class id; [kIgnore] = not known
  std::int64_t non_finite = 0;  ///< stored pixels of images that are NaN or infinite

  void add_image(const LabelledPlane& part);
  void add_labels(const core::Array& part);
};

/// The same over planes, which add up in any order.
struct Statistics : PixelCounts {
  std::int64_t planes = 0;
  std::int64_t empty_planes = 0;  ///< labelled planes without foreground

  void add_plane(const PixelCounts& plane);
  void add_plane(const LabelledPlane& plane);
  std::int64_t pixels() const;
  double mean() const;  ///< of the pixels / 255
  double std() const;   ///< of the pixels / 255, population
  /// Share of each class 0 .. class_count-1 in the known pixels.
  std::vector<double> class_shares(int class_count) const;
};

/// Over the distinct() slices of the dataset, or over a seeded choice of `max_planes` of them if
/// there are more.
Statistics measure(const Dataset& dataset, std::int64_t max_planes, std::uint64_t seed);

}  // namespace retina::data
