#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace retina::pipeline {

/// Mean and sample standard deviation.
struct Moments {
  double mean = 0;
  double sd = 0;  ///< 0 for a single value
  std::size_t count = 0;
};
std::optional<Moments> moments(const std::vector<double>& values);
/// "0.712 +- 0.010"; without the deviation for one value, "-" for none.
std::string to_text(const std::optional<Moments>& moments, int digits);
/// The same; with "(n = 2)" where that is not the number of `runs`.
std::string to_text(const std::optional<Moments>& moments, int digits, std::size_t runs);

}  // namespace retina::pipeline
