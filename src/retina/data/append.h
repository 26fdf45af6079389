#pragma once

#include "retina/data/dataset.h"

namespace retina::data {

/// Adds the volumes and slices of `more` to `all`. Labels that the two state by different maps are
/// seen as class ids from then on, so that a stored value may mean one class here and another
/// there. The range is that of the first dataset that has one.
void append(Dataset& all, Dataset more);

}  // namespace retina::data
