#include "retina/core/rng.h"

#include <cmath>
#include <numbers>

namespace retina::core {
namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15U;

/// The output function of splitmix64: a bijection of 64 bits in which every input bit moves every
/// output bit.
std::uint64_t scramble(std::uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9U;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBU;
  return z ^ (z >> 31U);
}

}  // namespace

std::uint64_t mix(std::initializer_list<std::uint64_t> key) {
  std::uint64_t state = kGolden;
  for (const std::uint64_t part : key) {
    state = scramble(state + kGolden + scramble(part + kGolden));
  }
  return state;
}

std::uint64_t Rng::next() {
  return scramble(seed_ + ++counter_ * kGolden);
}

double Rng::uniform() {
  return static_cast<double>(next() >> 11U) * 0x1.0p-53;
}

double Rng::uniform(double low, double high) {
  return low + (high - low) * uniform();
}

std::int64_t Rng::integer(std::int64_t low, std::int64_t high) {
  const std::uint64_t range =
      static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
  if (range == 0) {
    return static_cast<std::int64_t>(next());
  }
  const std::uint64_t unbiased = UINT64_MAX - UINT64_MAX % range;  // a multiple of range
  std::uint64_t value = next();
  while (value >= unbiased) {
    value = next();
  }
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + value % range);
}

double Rng::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

bool Rng::chance(double probability) {
  return uniform() < probability;
}

}  // namespace retina::core
