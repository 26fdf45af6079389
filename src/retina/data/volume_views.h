#pragma once

#include <memory>

#include "retina/data/dataset.h"

namespace retina::data {

/// Labels seen as class ids: u8, kIgnore where not known; reading throws as class_ids() does. Where
/// what 255 means is decided by plane, a box of several planes is decided for each across z.
std::unique_ptr<core::Volume> class_view(std::shared_ptr<const core::Volume> labels, LabelMap map);

/// One plane of a volume seen as a 2D image {1,y,x}: planes across y and x keep z as their rows.
std::unique_ptr<core::Volume> plane_view(std::shared_ptr<const core::Volume> volume,
                                         const Slice& slice);

}  // namespace retina::data
