#include "retina/store/units.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>
#include <string>
#include <utility>

namespace retina::store {

std::optional<double> nanometres_per(std::string_view unit) {
  if (unit == "Mm" || unit == "Pm") {  // megametres and petametres, told by nothing but their case
    return std::nullopt;
  }
  static constexpr auto kUnits = std::to_array<std::pair<std::string_view, double>>({
      {"nm", 1},
      {"nanometer", 1},
      {"um", 1e3},
      {"\xc2\xb5m", 1e3},
      {"\xce\xbcm", 1e3},
      {"\xb5m", 1e3},
      {"\\u00b5m", 1e3},
      {"micron", 1e3},
      {"microns", 1e3},
      {"micrometer", 1e3},
      {"mm", 1e6},
      {"millimeter", 1e6},
      {"cm", 1e7},
      {"centimeter", 1e7},
      {"dm", 1e8},
      {"decimeter", 1e8},
      {"m", 1e9},
      {"meter", 1e9},
      {"inch", 2.54e7},
      {"inches", 2.54e7},
      {"in", 2.54e7},
      {"thou", 2.54e4},
      {"li", 2.54e7 / 12},
      {"pt", 2.54e7 / 72},
      {"foot", 3.048e8},
      {"ft", 3.048e8},
      {"yard", 9.144e8},
      {"yd", 9.144e8},
      {"mile", 1.609344e12},
      {"mi", 1.609344e12},
      {"fm", 1e-6},
      {"femtometer", 1e-6},
      {"pm", 1e-3},
      {"picometer", 1e-3},
      {"angstrom", 0.1},
      {"angstroms", 0.1},
      {"a", 0.1},
      {"\xc3\x85", 0.1},
      {"\xe2\x84\xab", 0.1},
  });
  std::string lower(unit);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  // British and American, one or more
  for (const std::string_view spelling : {"metres", "metre", "meters"}) {
    if (lower.ends_with(spelling)) {
      lower.replace(lower.size() - spelling.size(), spelling.size(), "meter");
      break;
    }
  }
  for (const auto& [name, nanometres] : kUnits) {
    if (lower == name) {
      return nanometres;
    }
  }
  return std::nullopt;
}

double round_significant(double value, int digits) {
  if (value == 0 || !std::isfinite(value)) {
    return value;
  }
  const double magnitude = std::pow(10.0, digits - 1 - std::floor(std::log10(std::abs(value))));
  return std::round(value * magnitude) / magnitude;
}

}  // namespace retina::store
