#include "retina/core/finite.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "retina/core/intensity.h"

namespace retina::core {

std::int64_t count_non_finite(const Array& values) {
  if (is_integer(values.dtype())) {
    return 0;
  }
  return dispatch(values.dtype(), [&](auto zero) -> std::int64_t {
    const auto all = values.values<decltype(zero)>();
    return std::count_if(all.begin(), all.end(),
                         [](auto v) { return !std::isfinite(static_cast<double>(v)); });
  });
}

FiniteSample sample_finite(const Volume& volume, std::uint64_t seed) {
  FiniteSample sample;
  if (is_integer(volume.info().dtype)) {
    return sample;
  }
  visit_sample(volume, seed, [&](const Array& values) {
    sample.values += values.elements();
    sample.non_finite += count_non_finite(values);
  });
  return sample;
}

std::string non_finite_note(const std::string& source, const FiniteSample& values) {
  if (values.non_finite == 0) {
    return {};
  }
  return fmt::format(
      "{}: {:.3g} % of the values are not finite: NaN is read as 0, infinity as the end of the "
      "range",
      source, 100.0 * static_cast<double>(values.non_finite) / static_cast<double>(values.values));
}

}  // namespace retina::core
