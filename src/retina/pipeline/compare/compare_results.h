#pragma once

#include <vector>

#include "retina/core/progress.h"
#include "retina/pipeline/compare/cell.h"
#include "retina/pipeline/compare/compare.h"
#include "retina/pipeline/compare/compare_options.h"

namespace retina::pipeline {

/// Writes the tables and the page of everything that the finished cells tell, at this moment; waits
/// while another process writes them.
CompareReport write_results(const std::vector<Cell>& cells, const CompareOptions& options,
                            const core::Context& context);

/// The same of a grid that was stopped, without pictures. The stop remains what is told: a failure
/// is a warning.
void write_results_so_far(const std::vector<Cell>& cells, CompareOptions options,
                          const core::Context& context);

}  // namespace retina::pipeline
