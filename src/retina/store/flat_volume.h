#pragma once

#include <memory>

#include "retina/core/volume.h"
#include "retina/store/byte_source.h"
#include "retina/store/flat_file.h"

namespace retina::store {

/// A volume whose values lie flat in `source`; the layout completes `info` (dtype, shape,
/// channels). That the source is long enough is the caller's.
std::unique_ptr<core::Volume> make_flat_volume(core::VolumeInfo info,
                                               std::unique_ptr<ByteSource> source,
                                               const FlatLayout& layout);

}  // namespace retina::store
