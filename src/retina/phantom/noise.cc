#include "retina/phantom/noise.h"

namespace retina::phantom {
namespace {

struct Cell1 {
  std::int64_t index;
  float weight;
};

Cell1 locate(float scaled) {
  const float low = std::floor(scaled);
  const float t = scaled - low;
  return {static_cast<std::int64_t>(low), t * t * t * (t * (t * 6.0F - 15.0F) + 10.0F)};
}

float lerp(float a, float b, float t) {
  return a + (b - a) * t;
}

}  // namespace

Point random_direction(core::Rng& rng) {
  const double z = rng.uniform(-1, 1);
  const double angle = rng.uniform(0, 6.283185307179586);
  const double r = std::sqrt(std::max(0.0, 1 - z * z));
  return {static_cast<float>(z), static_cast<float>(r * std::sin(angle)),
          static_cast<float>(r * std::cos(angle))};
}

float ValueNoise::at(const Point& p) const {
  const Cell1 z = locate(p.z * frequency_);
  const Cell1 y = locate(p.y * frequency_);
  const Cell1 x = locate(p.x * frequency_);
  float plane[2];
  for (int dz = 0; dz < 2; ++dz) {
    const std::uint64_t key_z = bits_at(key_, z.index + dz);
    float row[2];
    for (int dy = 0; dy < 2; ++dy) {
      const std::uint64_t key_y = bits_at(key_z, y.index + dy);
      row[dy] =
          lerp(unit_of(bits_at(key_y, x.index)), unit_of(bits_at(key_y, x.index + 1)), x.weight);
    }
    plane[dz] = lerp(row[0], row[1], y.weight);
  }
  return 2.0F * lerp(plane[0], plane[1], z.weight) - 1.0F;
}

}  // namespace retina::phantom
