#pragma once

#include <cstdint>
#include <string>

#include "retina/core/array.h"
#include "retina/core/volume.h"

namespace retina::core {

/// How many values are NaN or infinite; 0 for integers.
std::int64_t count_non_finite(const Array& values);

/// Values that are no numbers (NaN, infinity) in the sample (visit_sample) of a volume of floats.
struct FiniteSample {
  std::int64_t values = 0;      ///< looked at; 0 for integers, which are always finite
  std::int64_t non_finite = 0;  ///< among them
};

FiniteSample sample_finite(const Volume& volume, std::uint64_t seed);

/// What is told of values that become uint8: "a.tif: 0.2 % of the values are not finite: ...";
/// empty where all of them are.
std::string non_finite_note(const std::string& source, const FiniteSample& values);

}  // namespace retina::core
