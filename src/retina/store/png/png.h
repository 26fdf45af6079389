#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "retina/core/array.h"
#include "retina/store/image/image_codec.h"

namespace retina::store {

/// PNG of any colour type: palettes and 1, 2, 4 bit grey values are expanded to 8 bits, alpha is
/// dropped.
ImageHeader read_png_header(const std::filesystem::path& file);
core::Array read_png(const std::filesystem::path& file);

/// The same from memory; bad_data naming `name`, also for more than `max_pixels`.
core::Array decode_png(std::span<const std::byte> bytes, const std::filesystem::path& name,
                       std::int64_t max_pixels);

/// Plane `z` of `values` (uint8 or uint16, 1 or 3 channels) as a PNG file in memory.
std::vector<std::byte> encode_png(const core::Array& values, std::int64_t z);

/// Throws usage unless a PNG file can hold values of this kind.
void require_png_can_hold(const std::filesystem::path& file, core::DType dtype, int channels);

}  // namespace retina::store
