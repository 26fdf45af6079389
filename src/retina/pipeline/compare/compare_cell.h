#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/progress.h"
#include "retina/pipeline/compare/cell_records.h"
#include "retina/pipeline/compare/compare_grid.h"

namespace retina::pipeline {

enum class CellState { missing, partly, finished, stale, damaged };
constexpr core::EnumTable<CellState, 5> enum_table(CellState) {
  return {{{CellState::missing, "missing"},
           {CellState::partly, "partly"},
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
  std::string what_is_wrong{};           ///< damaged: why it cannot be read
  std::optional<CellResult> result{};    ///< finished: what it gave
};

/// By the files in the cell's folder. A trained cell whose scores were made with other options of
/// evaluate is `partly`: it is scored again.
CellStatus status_of(const Cell& cell);
bool is_finished(const Cell& cell);

/// Trains a cell that is missing or goes on with one that is partly done, scores its weights at
/// every validation and its model on the held-out slices, and writes result.json last. Trains
/// alone, whatever the environment says of other processes. The caller holds the cell's lock.
/// A damaged result.json is made again, with a warning; the training stays. bad_data if it is the
/// configuration in cell.json that is damaged: a training of unknown options is neither taken nor
/// removed. interrupted with a checkpoint when a stop is requested. True if there was something to
/// train.
bool complete_cell(const Cell& cell, const core::Context& context);

}  // namespace retina::pipeline
