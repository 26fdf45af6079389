#pragma once

#include <cstddef>
#include <vector>

#include "retina/core/array.h"

namespace retina::report {

/// PNG file bytes of an 8-bit image with 1 or 3 channels, shape {1,y,x}.
std::vector<std::byte> encode_png(const core::Array& pixels);

}  // namespace retina::report
