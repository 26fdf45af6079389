#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/progress.h"
#include "retina/pipeline/compare/cell.h"
#include "retina/pipeline/compare/compare_options.h"
#include "retina/pipeline/compare/compare_progress.h"
#include "retina/pipeline/compare/complete_cell.h"

namespace retina::pipeline {

/// Takes one cell after the other that is not finished and that nobody else holds.
class GridWorker {
 public:
  /// `cells` and `context` must outlive it. usage error for an options.only that is no share.
  GridWorker(const std::vector<Cell>& cells, const CompareOptions& options,
             const core::Context& context);

  /// Until a whole pass finds nothing to do: what others hold may be given up meanwhile.
  /// interrupted when a stop is requested; what else goes wrong with a cell is kept.
  void run();

  const CompletedCells& completed() const { return completed_; }

  /// One error that lists the cells that failed; nothing if none did.
  void throw_failures() const;

 private:
  /// False if there is nothing to do, or somebody else does it.
  bool take(std::size_t index);
  bool complete(std::size_t index);
  void fail(std::size_t index, const Error& error);

  const std::vector<Cell>& cells_;
  CellShare share_;
  CellWork work_;
  const core::Context& context_;
  GridWatch grid_;
  std::set<std::size_t> taken_;
  std::map<std::size_t, Error> failures_;
  CompletedCells completed_;
};

}  // namespace retina::pipeline
