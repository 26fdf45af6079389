#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "retina/core/clock.h"
#include "retina/core/progress.h"
#include "retina/pipeline/compare/compare_grid.h"

namespace retina::pipeline {

/// How far a share of a grid is, whichever processes work on it: by the times of the cells' result
/// files.
class GridWatch {
 public:
  GridWatch(const std::vector<Cell>& cells, const CellShare& share);

  /// Cells that were not finished when the watch began.
  std::int64_t missing() const { return static_cast<std::int64_t>(missing_.size()); }
  /// Those of them that are finished now.
  std::int64_t finished() const;
  /// "35 of 40 cells finished", those from before the watch too.
  std::string text() const;
  /// ", about 35 min left", by the time that a finished cell took so far; empty before the first.
  std::string time_left() const;

 private:
  struct MissingCell {
    std::filesystem::path result;
    std::filesystem::file_time_type before;  ///< of a result by other rules
  };
  std::vector<MissingCell> missing_;
  std::int64_t cells_ = 0;
  core::Stopwatch watch_;
};

/// "40 s", "35 min", "2 h 10 min"
std::string rough_time(double seconds);

/// Shows what `shown` does, with `note` behind every note.
std::shared_ptr<core::Progress> with_note(std::shared_ptr<core::Progress> shown, std::string note);

}  // namespace retina::pipeline
