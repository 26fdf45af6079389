#pragma once

#include <optional>
#include <string_view>

namespace retina::store {

/// Length of one `unit` in nanometres: "nm", "nanometer", "um", "micron", "micrometer", "mm",
/// "angstrom", "inch", "thou", ... in upper or lower case. Empty if it is not a unit of length
/// ("pixel", "") or a metric one above metres.
std::optional<double> nanometres_per(std::string_view unit);

/// `value` rounded to `digits` significant digits: undoes the rounding of formats that store a
/// reciprocal.
double round_significant(double value, int digits);

}  // namespace retina::store
