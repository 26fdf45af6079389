#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "retina/core/array.h"

namespace retina::store {

/// Pixels stored y,x,c (as image files do) -> axes c,z,y,x with z = 1.
core::Array from_interleaved(std::span<const std::byte> pixels, core::DType dtype, int channels,
                             std::int64_t height, std::int64_t width);

/// The plane `z` of an array -> pixels stored y,x,c.
std::vector<std::byte> to_interleaved(const core::Array& values, std::int64_t z);

}  // namespace retina::store
