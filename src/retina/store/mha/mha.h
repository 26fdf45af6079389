#pragma once

#include <memory>

#include "retina/core/volume.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

bool is_mha(const Location& location);

/// A MetaImage file (.mha, or .mhd with its data file beside it), raw or compressed.
std::unique_ptr<core::Volume> open_mha(const Location& location, const OpenOptions& options);

}  // namespace retina::store
