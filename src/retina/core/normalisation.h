#pragma once

namespace retina::core {

/// Mean and standard deviation of the pixels / 255 that a network expects.
struct Normalisation {
  double mean = 0.5;
  double std = 0.25;
};

/// The constants of (v - offset) * factor.
struct NormalisationConstants {
  float offset = 0;
  float factor = 1;
};

/// (v - mean*255) * (1 / (std*255)) with each constant rounded to float32, as the published code
/// does: the one formula by which pixel values become network inputs, in training and inference.
inline NormalisationConstants constants(const Normalisation& normalisation) {
  return {.offset = static_cast<float>(normalisation.mean) * 255.F,
          .factor = 1.F / (static_cast<float>(normalisation.std) * 255.F)};
}

}  // namespace retina::core
