#pragma once

#include <memory>

#include "retina/core/volume.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

/// True for a folder with a file `info` that holds a JSON object, and for `x.precomputed`.
bool is_precomputed(const Location& location);

/// A Neuroglancer precomputed volume, sharded or not: its first scale, which is the finest, or the
/// one with the key named: `volume:8_8_30`.
std::unique_ptr<core::Volume> open_precomputed(const Location& location,
                                               const OpenOptions& options);

}  // namespace retina::store
