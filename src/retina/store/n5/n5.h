#pragma once

#include <memory>
#include <string>
#include <vector>

#include "retina/core/volume.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

/// True for a folder with attributes.json or the extension ".n5".
bool is_n5(const Location& location);

/// An N5 dataset (`x.n5:/volumes/raw`), the full-size level "s0" of a pyramid, or a container that
/// holds one of these and nothing else. 2D is "yx", 3D "zyx" (N5 lists x first); more dimensions
/// need a "transform" or options.axes, slowest first. Voxel size and offset are those of the
/// dataset or of the groups above it.
std::unique_ptr<core::Volume> open_n5(const Location& location, const OpenOptions& options);

/// Paths below this place of the datasets, a pyramid counting as one; "" for the place itself if it
/// is one.
std::vector<std::string> n5_datasets(const Location& location);

}  // namespace retina::store
