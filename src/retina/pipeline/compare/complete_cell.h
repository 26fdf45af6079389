#pragma once

#include <optional>
#include <string>

#include "retina/core/error.h"
#include "retina/core/progress.h"
#include "retina/pipeline/compare/cell.h"

namespace retina::pipeline {

/// How cells are completed.
struct CellWork {
  /// Cells of another configuration are trained anew, not refused, and so are those that failed.
  bool overwrite = false;
  std::string start{};  ///< CompareOptions::start; stands in the file that tells of a failure
};

/// Trains a cell that is missing or goes on with one that is partly done, scores its weights at
/// every validation and its model on the held-out slices, and writes result.json last. Trains
/// alone, whatever the environment says of other processes. The caller holds the cell's lock.
/// A damaged result.json is made again, with a warning; the training stays. usage error for a cell
/// of another configuration, bad_data if the configuration in cell.json is damaged: their files
/// stay as they are. interrupted with a checkpoint when a stop is requested. What is wrong
/// with the data or the options, which every process would meet, is noted in failed.json; that goes
/// when the cell is completed. True if there was something to train.
bool complete_cell(const Cell& cell, const CellWork& work, const core::Context& context);

/// The error with which the cell failed in a process of this start; none if it was another start,
/// or the note cannot be read, which is warned of. The caller holds the cell's lock.
std::optional<Error> noted_failure(const Cell& cell, const std::string& start,
                                   const core::Context& context);

}  // namespace retina::pipeline
