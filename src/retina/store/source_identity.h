#pragma once

#include "retina/core/json.h"
#include "retina/core/volume.h"

namespace retina::store {

/// What tells one input from another of the same name: how it was read (source, format, axes,
/// channels, shape, type, voxel size, offset), with size and time of change of its file. Of a
/// folder these are taken of the files that describe it (`zarr.json`, `info`, ...), or else of all
/// its files. Reads no content. A volume that lies in no file is told by its description alone.
Json source_identity(const core::VolumeInfo& info);

/// bad_data if that has become another than `before`: what was read may be of two files.
void require_unchanged(const core::VolumeInfo& info, const Json& before);

}  // namespace retina::store
