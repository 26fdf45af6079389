#pragma once

#include <memory>

#include "retina/core/volume.h"
#include "retina/store/location.h"
#include "retina/store/open.h"

namespace retina::store {

/// True for .nii and .nii.gz, and for .hdr and .img (also compressed) whose header makes sense.
bool is_nifti(const Location& location);

/// A NIfTI-1, NIfTI-2 or Analyze 7.5 image. Of plain files only the boxes asked for are read;
/// compressed ones are decoded as they are read. Values that the file scales become float32.
std::unique_ptr<core::Volume> open_nifti(const Location& location, const OpenOptions& options);

}  // namespace retina::store
