#pragma once

#include <memory>

#include "retina/core/volume.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

/// True for a file in a still image format other than TIFF, which has its own volume.
bool is_still_image(const Location& location);

/// A PNG or JPEG file as a volume of one slice: axes "yx", or "yxc" for colour. Colour whose
/// channels are equal everywhere is grey, which is noted. The decoded image stays in the shared
/// cache for a while.
std::unique_ptr<core::Volume> open_still_image(const Location& location,
                                               const OpenOptions& options);

}  // namespace retina::store
