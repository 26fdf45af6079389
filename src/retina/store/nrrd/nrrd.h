#pragma once

#include <memory>

#include "retina/core/volume.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

bool is_nrrd(const Location& location);

/// An NRRD file (.nrrd, or .nhdr with its data file beside it), raw or gzip.
std::unique_ptr<core::Volume> open_nrrd(const Location& location, const OpenOptions& options);

}  // namespace retina::store
