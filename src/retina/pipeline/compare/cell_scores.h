#pragma once

#include <cstdint>
#include <vector>

#include "retina/core/progress.h"
#include "retina/pipeline/compare/cell.h"
#include "retina/pipeline/compare/cell_records.h"
#include "retina/pipeline/finetune/held_out_validator.h"

namespace retina::pipeline {

/// Scores `slices`, predicted with the weights after `step` steps, by the rules of the end, into
/// cell.step_file(step): while the weights are there, and apart from the run, which forgets them.
void score_step(const Cell& cell, std::int64_t step, const std::vector<PredictedSlice>& slices,
                const core::Context& context);

/// What a trained cell gave: the scores of its model on the held-out slices, those of its steps,
/// and the time of a step. bad_data if its trained.json is damaged. Warns of steps that have no
/// scores by its options of evaluate.
CellResult score_cell(const Cell& cell, const core::Context& context);

}  // namespace retina::pipeline
