#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "retina/core/array.h"
#include "retina/store/image/image_codec.h"

namespace retina::store {

/// JPEG, 8-bit grey or colour (as RGB); damaged and shortened files are errors, not grey areas.
ImageHeader read_jpeg_header(const std::filesystem::path& file);
core::Array read_jpeg(const std::filesystem::path& file);

/// The same from memory; bad_data naming `name`, also for more than `max_pixels`.
core::Array decode_jpeg(std::span<const std::byte> bytes, const std::filesystem::path& name,
                        std::int64_t max_pixels);

}  // namespace retina::store
