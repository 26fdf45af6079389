#include "retina/augment/photometry.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/rng.h"

namespace retina::augment {

namespace {

// Apart from the streams of geometry.cc.
enum PhotometryStream : std::uint64_t {
  kBrightnessContrast = 101,
  kNoise,
  kBlur,
  kNoiseField,
  kDropout
};

/// Uniform over 3..limit, even values moved up: 3, 5, 7 occur with probabilities 1/5, 2/5, 2/5 for
/// limit 7.
int draw_blur_side(int limit, core::Rng& rng) {
  const auto drawn = static_cast<int>(rng.integer(3, limit));
  return drawn % 2 == 0 ? drawn + 1 : drawn;
}

/// 1 to dropout_holes squares anywhere in the output; they may overlap.
std::vector<Crop> draw_holes(const Recipe& recipe, core::Rng& rng) {
  std::vector<Crop> holes(static_cast<std::size_t>(rng.integer(1, recipe.dropout_holes)));
  for (Crop& hole : holes) {
    hole.y = rng.integer(0, recipe.size - recipe.dropout_side);
    hole.x = rng.integer(0, recipe.size - recipe.dropout_side);
    hole.height = hole.width = recipe.dropout_side;
  }
  return holes;
}

/// x with P(X < x) = p for the standard normal distribution, by Newton's method from the centre
/// outwards.
double normal_quantile(double p, double start) {
  double x = start;
  for (int i = 0; i < 50; ++i) {
    const double error = 0.5 * std::erfc(-x / std::numbers::sqrt2) - p;
    const double density = std::exp(-0.5 * x * x) / std::sqrt(2 * std::numbers::pi);
    const double step = error / density;
    x -= step;
    if (std::abs(step) < 1e-12) {
      break;
    }
  }
  return x;
}

std::vector<float> make_quantiles() {
  constexpr int kCount = 65536;
  std::vector<double> upper(kCount / 2);
  double x = 0;
  double sum_of_squares = 0;
  for (int i = 0; i < kCount / 2; ++i) {
    x = normal_quantile(0.5 + (i + 0.5) / kCount, x);
    upper[static_cast<std::size_t>(i)] = x;
    sum_of_squares += 2 * x * x;
  }
  const double scale = 1 / std::sqrt(sum_of_squares / kCount);
  std::vector<float> quantiles(kCount);
  for (std::size_t i = 0; i < upper.size(); ++i) {
    quantiles[upper.size() + i] = static_cast<float>(upper[i] * scale);
    quantiles[upper.size() - 1 - i] = static_cast<float>(-upper[i] * scale);
  }
  return quantiles;
}

}  // namespace

Photometry draw_photometry(const Recipe& recipe, std::uint64_t seed) {
  Photometry p;
  core::Rng rng{seed, kBrightnessContrast};
  if (rng.chance(recipe.brightness_contrast_probability)) {
    p.contrast = 1 + rng.uniform(-recipe.contrast, recipe.contrast);
    p.brightness = rng.uniform(-recipe.brightness, recipe.brightness);
  }
  core::Rng noise{seed, kNoise};
  if (noise.chance(recipe.noise_probability)) {
    p.noise_sigma = std::sqrt(noise.uniform(recipe.noise_variance_min, recipe.noise_variance_max));
    p.noise_seed = core::mix({seed, kNoiseField});
  }
  core::Rng blur{seed, kBlur};
  if (blur.chance(recipe.blur_probability)) {
    p.blur_side = draw_blur_side(recipe.blur_limit, blur);
  }
  core::Rng dropout{seed, kDropout};
  if (dropout.chance(recipe.dropout_probability)) {
    p.holes = draw_holes(recipe, dropout);
  }
  return p;
}

GreyTable grey_table(float alpha, float offset) {
  GreyTable table{};
  for (std::size_t v = 0; v < table.size(); ++v) {
    const float scaled = static_cast<float>(v) * alpha;
    table[v] = static_cast<std::uint8_t>(std::clamp(scaled + offset, 0.0F, 255.0F));
  }
  return table;
}

GreyTable grey_table(const Photometry& p, IntensityUnit unit, const Normalisation& normalisation) {
  double offset = p.brightness * 255;
  if (unit == IntensityUnit::std) {
    // half a level keeps an unchanged value unchanged under truncation
    offset =
        (1 - p.contrast) * normalisation.mean * 255 + p.brightness * normalisation.std * 255 + 0.5;
  }
  return grey_table(static_cast<float>(p.contrast), static_cast<float>(offset));
}

float noise_sigma_levels(const Photometry& p, IntensityUnit unit,
                         const Normalisation& normalisation) {
  return static_cast<float>(unit == IntensityUnit::std ? p.noise_sigma * normalisation.std * 255
                                                       : p.noise_sigma);
}

BlurKernel blur_kernel(int side) {
  switch (side) {
    case 1:
      return {.weights = {1}, .shift = 0};
    case 3:
      return {.weights = {1, 2, 1}, .shift = 2};
    case 5:
      return {.weights = {1, 4, 6, 4, 1}, .shift = 4};
    case 7:
      return {.weights = {2, 7, 14, 18, 14, 7, 2}, .shift = 6};
    default:
      throw Error(ErrorKind::internal,
                  fmt::format("blur kernel of side {}: only 1, 3, 5, 7 exist", side));
  }
}

std::span<const float> normal_quantiles() {
  static const std::vector<float> kQuantiles = make_quantiles();
  return kQuantiles;
}

}  // namespace retina::augment
