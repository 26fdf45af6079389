#pragma once

#include <filesystem>
#include <memory>

#include "retina/core/volume.h"
#include "retina/store/image/image_codec.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

bool is_tiff(const Location& location);

/// A TIFF file: one page is an image ("yx"), several are a stack ("zyx") or channels, as ImageJ,
/// OME or tifffile describe them or options.axes states. After the colon, "stack.tif:t=0" names a
/// time point and "stack.tif:series=1" one of several stacks. Opening reads the directories of the
/// pages only (and some rows of colour images); reading decodes only the strips and tiles that a
/// box touches.
std::unique_ptr<core::Volume> open_tiff(const Location& location, const OpenOptions& options);

/// One-page TIFF files as slices of an image folder.
ImageHeader read_tiff_header(const std::filesystem::path& file);
core::Array read_tiff_page(const std::filesystem::path& file);

}  // namespace retina::store
