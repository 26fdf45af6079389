#include "retina/pipeline/convert/pyramid_levels.h"

#include <charconv>
#include <system_error>

namespace retina::pipeline {

std::optional<int> parse_pyramid_levels(const std::string& text) {
  if (text == "auto") {
    return -1;
  }
  int levels = 0;
  const char* end = text.data() + text.size();
  const auto [stop, code] = std::from_chars(text.data(), end, levels);
  const bool good = code == std::errc() && stop == end && levels >= 0;
  return good && levels <= kMostPyramidLevels ? std::optional(levels) : std::nullopt;
}

}  // namespace retina::pipeline
