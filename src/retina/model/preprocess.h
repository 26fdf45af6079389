#pragma once

#include <string_view>

#include "retina/core/intensity.h"

namespace at {
class Tensor;
}

namespace retina::model {

/// How pixel values become network inputs; training applies the same (core::constants).
struct Preprocess {
  core::IntensityRange range;  ///< stored values -> uint8, for inputs that are not uint8
  double mean = 0.5;           ///< of uint8 / 255
  double std = 0.25;           ///< of uint8 / 255

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("range", self.range, "stored values that become 0 and 255 (inputs that are not uint8)");
    visit("mean", self.mean, "mean of the pixels / 255");
    visit("std", self.std, "standard deviation of the pixels / 255");
  }

  /// (v - mean*255) * (1 / (std*255)) with the three constants rounded to float32 (parity/retina
  /// README 6.1): uint8 in, float32 out, any shape, same device.
  at::Tensor normalise(const at::Tensor& pixels) const;
};

}  // namespace retina::model
