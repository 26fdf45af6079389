#include "retina/pipeline/compare/moments.h"

#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace retina::pipeline {

std::optional<Moments> moments(const std::vector<double>& values) {
  if (values.empty()) {
    return std::nullopt;
  }
  const auto count = static_cast<double>(values.size());
  Moments found{.mean = std::accumulate(values.begin(), values.end(), 0.0) / count,
                .count = values.size()};
  double squares = 0;
  for (const double value : values) {
    squares += (value - found.mean) * (value - found.mean);
  }
  found.sd = values.size() > 1 ? std::sqrt(squares / (count - 1)) : 0;
  return found;
}

std::string to_text(const std::optional<Moments>& moments, int digits) {
  if (!moments) {
    return "-";
  }
  return moments->count == 1
             ? fmt::format("{:.{}f}", moments->mean, digits)
             : fmt::format("{:.{}f} ± {:.{}f}", moments->mean, digits, moments->sd, digits);
}

std::string to_text(const std::optional<Moments>& moments, int digits, std::size_t runs) {
  const bool all = !moments || moments->count == runs;
  return to_text(moments, digits) + (all ? "" : fmt::format(" (n = {})", moments->count));
}

}  // namespace retina::pipeline
