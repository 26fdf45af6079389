#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/json.h"
#include "retina/core/options.h"
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
/// The same of one cell, whose status is known.
void refuse_stale(const Cell& cell, const CellStatus& status);

/// "optimizer.learning_rate: 0.003, now 0.001" for every leaf in which two identities
/// (identity_json) of a cell differ, named as an option of finetune, or as "weights"; "nothing" for
/// a leaf that one of them has not.
std::vector<std::string> identity_changes(const Json& before, const Json& now);

}  // namespace retina::pipeline
