#pragma once

#include <vector>

#include "retina/core/progress.h"
#include "retina/pipeline/compare/cell.h"
#include "retina/pipeline/compare/compare_options.h"

namespace retina::pipeline {

/// The cells in the order dataset, labels, seed, initialisation. Reads the weights, and opens the
/// training and the held-out data of every dataset with every initialisation, so that a path or a
/// shape that is wrong is told before the first run; labels are read by the trainings. usage error
/// for what a cell cannot be: several trainings, or one whose scored slices choose something; for
/// held-out slices that are to be scored as volumes and are none, or have gaps; and for patterns of
/// frozen tensors that fit none. Warns of entries of labels that are the same slices.
std::vector<Cell> expand_grid(const CompareOptions& options, const core::Context& context);

/// Warns, once of each dataset, of runs that the clock may end: each at a step of its own.
void warn_of_clocks(const std::vector<Cell>& cells, const core::Context& context);

}  // namespace retina::pipeline
