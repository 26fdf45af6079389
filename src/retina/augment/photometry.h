#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "retina/augment/geometry.h"
#include "retina/augment/recipe.h"
#include "retina/core/normalisation.h"

namespace retina::augment {

using core::Normalisation;
using core::NormalisationConstants;

/// Everything random about the grey values of one sample. The defaults change nothing.
struct Photometry {
  double contrast = 1;    ///< factor alpha
  double brightness = 0;  ///< beta, in the recipe's unit
  double noise_sigma =
      0;  ///< standard deviation of the noise, in the recipe's unit (grey levels or std); 0 = none
  int blur_side = 1;  ///< 1 = none, 3, 5, 7
  std::uint64_t noise_seed = 0;
  std::vector<Crop> holes{};  ///< of the output, set to black before the normalisation
};

/// Pure function of the seed (retina.md 2.2, 3.4).
Photometry draw_photometry(const Recipe& recipe, std::uint64_t seed);

using GreyTable = std::array<std::uint8_t, 256>;

/// clip(alpha*v + offset, 0, 255) in float32, truncated.
GreyTable grey_table(float alpha, float offset);

/// The table of a draw: published units give alpha*v + beta*255; std units turn about the mean and
/// shift by beta*std.
GreyTable grey_table(const Photometry& photometry, IntensityUnit unit,
                     const Normalisation& normalisation);

/// Standard deviation of the noise in grey levels.
float noise_sigma_levels(const Photometry& photometry, IntensityUnit unit,
                         const Normalisation& normalisation);

/// Weights of the blur of `side` (1, 3, 5, 7) in 1/divisor; their products are exact (OpenCV's
/// fixed kernels).
struct BlurKernel {
  std::array<int, 7> weights{};  ///< the first `side` are used
  int shift = 0;                 ///< divisor = 1 << shift
};
BlurKernel blur_kernel(int side);

/// Noise is a pure function of (noise seed, pixel number): word = noise_word(seed, pixel / 4), and
/// bits 16*(pixel % 4) and up choose one of 65536 equally likely values of the standard normal
/// distribution.
inline std::uint64_t noise_word(std::uint64_t seed, std::uint64_t counter) {
  std::uint64_t z = seed + (counter + 1) * 0x9E3779B97F4A7C15ULL;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

/// 65536 quantiles of the standard normal distribution at the middles of equal shares, scaled to
/// variance 1.
std::span<const float> normal_quantiles();

}  // namespace retina::augment
