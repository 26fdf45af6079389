#pragma once

#include <memory>
#include <string>
#include <vector>

#include "retina/core/volume.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

/// True for a zarr group or array, of version 3 or 2.
bool is_zarr(const Location& location);

/// An OME-Zarr image (its full-size level), a plain zarr array, or a group that holds one of these
/// and nothing else; `x.zarr:/labels/NAME`, `x.zarr/labels/NAME` and levels such as `x.zarr/1` work
/// alike. Arrays without OME metadata take their axes from options.axes, dimension_names or
/// _ARRAY_DIMENSIONS; 2D is "yx" and 3D "zyx" (noted) where none says. Decoded chunks stay in the
/// shared cache for a while.
std::unique_ptr<core::Volume> open_zarr(const Location& location, const OpenOptions& options);

/// Paths of the images (not of their levels) and of the plain arrays at and below this node, "" for
/// the node itself.
std::vector<std::string> zarr_datasets(const Location& location);

}  // namespace retina::store
