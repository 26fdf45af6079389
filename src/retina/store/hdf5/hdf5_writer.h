#pragma once

#include <memory>

#include "retina/store/location.h"
#include "retina/store/output.h"

namespace retina::store {

bool fits_hdf5(const Location& location);

/// A dataset (`location.inner`, "/data" if that is empty) of an HDF5 file, in chunks with shuffle
/// and gzip; voxel size and offset as attributes `resolution` and `offset`, z, y, x in nanometres.
/// Boxes in any order and from several threads; can be continued. Encoded chunks are collected
/// aside and put into the file by finish(). A dataset named inside a file that exists is added to a
/// copy of the file, which then takes its place.
std::unique_ptr<OutputVolume> create_hdf5(const Location& location, const CreateOptions& options);

}  // namespace retina::store
