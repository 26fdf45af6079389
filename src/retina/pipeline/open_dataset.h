#pragma once

#include "retina/core/progress.h"
#include "retina/data/dataset.h"
#include "retina/data/options.h"

namespace retina::pipeline {

/// Finds and opens the image/label pairs of a dataset (layouts: data/options.h). Reads metadata,
/// the sample that an intensity range needs; labels are read when planes are (pipeline::check reads
/// them all). bad_data lists all pairing and shape problems at once. `class_count` includes
/// background.
data::Dataset open_dataset(const data::DataOptions& options, int class_count,
                           const core::Context& ctx);

}  // namespace retina::pipeline
