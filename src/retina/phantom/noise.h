#pragma once

#include <cstdint>

#include "retina/core/rng.h"
#include "retina/phantom/geometry.h"

namespace retina::phantom {

/// 64 well-mixed bits of (key, n): the inner loop's form of core::mix, a value of its arguments
/// alone.
inline std::uint64_t bits_at(std::uint64_t key, std::int64_t n) {
  std::uint64_t h = key ^ (static_cast<std::uint64_t>(n) * 0x9E3779B97F4A7C15ULL);
  h = (h ^ (h >> 32)) * 0xD6E8FEB86659FD93ULL;
  h = (h ^ (h >> 32)) * 0xD6E8FEB86659FD93ULL;
  return h ^ (h >> 32);
}

/// [0, 1) of the upper 24 bits.
inline float unit_of(std::uint64_t bits) {
  return static_cast<float>(bits >> 40) * (1.0F / 16777216.0F);
}

/// Mean 0, standard deviation 1: the sum of four 16-bit uniforms, bounded by 3.5.
inline float normal_of(std::uint64_t bits) {
  const auto sum = static_cast<std::int32_t>((bits & 0xFFFF) + ((bits >> 16) & 0xFFFF) +
                                             ((bits >> 32) & 0xFFFF) + (bits >> 48));
  return static_cast<float>(sum - 131070) * (1.7320508F / 65536.0F);
}

/// A uniformly distributed direction of length 1.
Point random_direction(core::Rng& rng);

/// Smooth noise over space: random values on a grid of `period_nm`, quintic interpolation between.
class ValueNoise {
 public:
  ValueNoise(std::uint64_t key, float period_nm) : key_(key), frequency_(1.0F / period_nm) {}

  /// In [-1, 1].
  float at(const Point& p) const;

 private:
  std::uint64_t key_;
  float frequency_;
};

}  // namespace retina::phantom
