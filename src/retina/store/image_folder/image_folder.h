#pragma once

#include <memory>

#include "retina/core/volume.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

/// True for a folder that holds at least one image file.
bool is_image_folder(const Location& location);

/// A folder of PNG, JPEG or one-page TIFF files as a stack along z, in natural order of the names.
/// All slices must be of one size and kind (one bad_data names the first that is not), and no other
/// image may lie among them. Files that are no images are left out and gaps in the numbering noted.
/// Slices are decoded when read and stay in the shared cache for a while.
std::unique_ptr<core::Volume> open_image_folder(const Location& location,
                                                const OpenOptions& options);

}  // namespace retina::store
