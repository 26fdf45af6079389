#pragma once

#include <memory>
#include <string>
#include <vector>

#include "retina/core/volume.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

bool is_hdf5(const Location& location);

/// A dataset of an HDF5 file: the one that `location.inner` names, or the only one that may be an
/// image. bad_data listing the choices if there are several.
std::unique_ptr<core::Volume> open_hdf5(const Location& location, const OpenOptions& options);

/// Paths, below location.inner, of the datasets that may be images; "" for the place itself if it
/// is one.
std::vector<std::string> hdf5_datasets(const Location& location);

}  // namespace retina::store
