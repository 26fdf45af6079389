#pragma once

#include <filesystem>
#include <functional>
#include <vector>

#include "retina/pipeline/compare/comparison.h"
#include "retina/pipeline/finetune/held_out_validator.h"

namespace retina::pipeline {

/// Held-out slices of a run (a number in Comparison::runs) with what its model says of them; none
/// where that is not known any more.
using PredictSlices =
    std::function<std::vector<SliceSample>(std::size_t run, const std::vector<std::size_t>&)>;

/// The best, the median and the worst of the held-out slices by their mean IoU over the runs of all
/// `groups`; fewer where there are fewer.
std::vector<std::size_t> telling_slices(const Comparison& comparison,
                                        const std::vector<RunGroup>& groups);

/// The run of a group with the median IoU.
std::size_t median_run(const Comparison& comparison, const RunGroup& group);

/// Writes one page: tables, convergence and label-efficiency curves, pictures side by side. No
/// pictures where `predict` is empty.
void write_comparison_page(const std::filesystem::path& path, const Comparison& comparison,
                           const PredictSlices& predict);

}  // namespace retina::pipeline
