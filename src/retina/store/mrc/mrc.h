#pragma once

#include <memory>

#include "retina/core/volume.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

/// True for files with an MRC2014 or CCP4 header whatever their name, for .mrc and .mrcs, and for
/// .rec, .map, .st, .ali and .preali with a header that makes sense.
bool is_mrc(const Location& location);

/// An MRC volume or stack of images. Only the bytes of the boxes asked for are read.
std::unique_ptr<core::Volume> open_mrc(const Location& location, const OpenOptions& options);

}  // namespace retina::store
