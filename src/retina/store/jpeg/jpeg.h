#pragma once

#include <filesystem>

#include "retina/core/array.h"
#include "retina/store/image/image_codec.h"

namespace retina::store {

/// JPEG, 8-bit grey or colour (as RGB); damaged and shortened files are errors, not grey areas.
ImageHeader read_jpeg_header(const std::filesystem::path& file);
core::Array read_jpeg(const std::filesystem::path& file);

}  // namespace retina::store
