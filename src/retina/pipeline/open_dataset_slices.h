#pragma once

#include <vector>

#include "retina/core/error.h"
#include "retina/data/dataset.h"
#include "retina/data/options.h"

namespace retina::pipeline {

/// Fills dataset.slices: of every volume the planes across the asked axes, of these the asked
/// range. Adds to `problems` a range that does not fit.
void choose_slices(data::Dataset& dataset, const data::DataOptions& options,
                   std::vector<Problem>& problems);

}  // namespace retina::pipeline
