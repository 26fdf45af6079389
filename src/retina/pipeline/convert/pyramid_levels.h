#pragma once

#include <optional>
#include <string>

namespace retina::pipeline {

inline constexpr int kMostPyramidLevels = 30;

/// Levels besides the full size, -1 for "auto"; nothing for another text.
std::optional<int> parse_pyramid_levels(const std::string& text);

}  // namespace retina::pipeline
