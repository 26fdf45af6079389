#pragma once

#include <cstdint>

#include "retina/core/volume.h"

namespace retina::core {

/// Values that are no numbers (NaN, infinity) in a seeded sample of a volume of floats.
struct FiniteSample {
  std::int64_t values = 0;      ///< looked at; 0 for integers, which are always finite
  std::int64_t non_finite = 0;  ///< among them
};

FiniteSample sample_finite(const Volume& volume, std::uint64_t seed);

}  // namespace retina::core
