#pragma once

#include <string>

#include "retina/core/json.h"
#include "retina/store/zarr/multiscale.h"

namespace retina::store {

/// What the attributes of a plain zarr array say about its voxels, as tools for connectomics write
/// it: "resolution" or "voxel_size", "offset" and "units", a number for each of the array's
/// dimensions or for each spatial one, in the array's order. Nanometres where no unit is stated
/// (noted); anything else is no voxel size, which is noted too.
SpatialScale plain_scale(const Json& attributes, const std::string& axes);

}  // namespace retina::store
