#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "retina/core/clock.h"
#include "retina/core/progress.h"
#include "retina/pipeline/compare/cell.h"
#include "retina/pipeline/compare/compare_options.h"

namespace retina::pipeline {

/// Cells that were completed, and those of them that were trained for it.
struct CompletedCells {
  std::int64_t scored = 0;
  std::int64_t trained = 0;
};

/// How far a share of a grid is, whichever processes work on it: by the times of the cells' files.
class GridWatch {
 public:
  GridWatch(const std::vector<Cell>& cells, const CellShare& share);

  /// Cells that were not finished when the watch began.
  std::int64_t missing() const { return static_cast<std::int64_t>(missing_.size()); }
  /// Those of them that are finished now.
  std::int64_t finished() const { return completed().scored; }
  CompletedCells completed() const;
  /// "35 of 40 cells finished", those from before the watch too.
  std::string text() const;
  /// ", about 35 min left", by the time that a finished cell took so far; empty before the first.
  std::string time_left() const;

 private:
  /// A file that a process may write, in place of one by other rules.
  class AwaitedFile {
   public:
    explicit AwaitedFile(std::filesystem::path path);
    bool is_written() const;

   private:
    std::filesystem::path path_;
    std::filesystem::file_time_type before_;
  };
  struct MissingCell {
    AwaitedFile result;
    AwaitedFile trained;
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
