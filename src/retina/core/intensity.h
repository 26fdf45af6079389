#pragma once

#include <cstdint>
#include <functional>

#include "retina/core/array.h"
#include "retina/core/volume.h"

namespace retina::core {

/// The stored values that become 0 and 255 (design: settled points, intensity). For uint8 images
/// always 0..255.
struct IntensityRange {
  double low = 0;
  double high = 255;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("low", self.low, "stored value that becomes 0");
    visit("high", self.high, "stored value that becomes 255");
  }
  bool operator==(const IntensityRange&) const = default;
};

/// Calls `visit` with the values by which a volume is judged before it is read: all of a small one,
/// else 64 blocks of 64 x 64 pixels of a plane at places drawn from `seed`.
void visit_sample(const Volume& volume, std::uint64_t seed,
                  const std::function<void(const Array&)>& visit);

/// 0.1 to 99.9 percentile of the finite values of that sample; 0..255 for uint8 without reading.
IntensityRange estimate_range(const Volume& volume, std::uint64_t seed);

/// Linear map to uint8, rounded, clamped; uint8 with the range 0..255 is returned unchanged. NaN ->
/// 0.
Array to_uint8(const Array& values, const IntensityRange& range);

}  // namespace retina::core
