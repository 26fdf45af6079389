#pragma once

#include <memory>

#include "retina/core/volume.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

/// True for a zarr group or array, of version 2 too (which open_zarr refuses by name).
bool is_zarr(const Location& location);

/// An OME-Zarr 0.5 image (its full-size level) or a plain zarr v3 array; `x.zarr:/labels/NAME`,
/// `x.zarr/labels/NAME` and levels such as `x.zarr/1` work alike. Arrays without OME metadata take
/// their axes from dimension_names or options.axes; 2D is "yx" and 3D "zyx" (noted) where neither
/// says. Decoded chunks stay in the shared cache for a while.
std::unique_ptr<core::Volume> open_zarr(const Location& location, const OpenOptions& options);

}  // namespace retina::store
