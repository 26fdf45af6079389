#pragma once

#include <memory>

#include "retina/store/location.h"
#include "retina/store/output.h"

namespace retina::store {

/// An NRRD file, raw (so that any box of it can be read without decoding the rest), with voxel size
/// and offset in nanometres. Boxes in any order; can be continued.
std::unique_ptr<OutputVolume> create_nrrd(const Location& location, const CreateOptions& options);

}  // namespace retina::store
