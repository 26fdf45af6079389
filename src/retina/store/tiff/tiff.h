#pragma once

#include <filesystem>
#include <memory>

#include "retina/core/volume.h"
#include "retina/store/image/image_codec.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

bool is_tiff(const Location& location);

/// A TIFF file: one page is an image ("yx"), several pages are a stack ("zyx"), ImageJ channels are
/// channels ("zcyx"); "cyx" in options.axes makes pages channels. Only the strips and tiles that a
/// box touches are decoded.
std::unique_ptr<core::Volume> open_tiff(const Location& location, const OpenOptions& options);

/// One-page TIFF files as slices of an image folder.
ImageHeader read_tiff_header(const std::filesystem::path& file);
core::Array read_tiff_page(const std::filesystem::path& file);

}  // namespace retina::store
