#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/progress.h"
#include "retina/pipeline/compare/cell.h"
#include "retina/pipeline/compare/cell_records.h"

namespace retina::pipeline {

enum class CellState { missing, partly, failed, finished, stale, damaged };
constexpr core::EnumTable<CellState, 6> enum_table(CellState) {
  return {{{CellState::missing, "missing"},
           {CellState::partly, "partly"},
           {CellState::failed, "failed"},
           {CellState::finished, "finished"},
           {CellState::stale, "stale"},
           {CellState::damaged, "damaged"}}};
}

struct CellStatus {
  CellState state = CellState::missing;
  /// stale: how the configuration that it was begun with differs, "optimizer.learning_rate: 0.003,
  /// now 0.001"
  std::vector<std::string> changes{};
  std::filesystem::path damaged_file{};  ///< damaged: which one
  std::string what_is_wrong{};           ///< damaged: why it cannot be read; failed: the error
  std::optional<CellResult> result{};    ///< finished: what it gave
};

/// By the files in the cell's folder. A trained cell whose scores were made with other options of
/// evaluate is `partly`: it is scored again. `failed` is a partly done one with a note of a failure
/// that can be read; the next start tries it again.
CellStatus status_of(const Cell& cell);
bool is_finished(const Cell& cell);

/// usage error that lists those of the cells that were begun with another configuration.
void refuse_stale(const std::vector<Cell>& cells);

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
