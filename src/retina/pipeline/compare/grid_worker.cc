#include "retina/pipeline/compare/grid_worker.h"

#include <exception>
#include <filesystem>
#include <optional>
#include <string>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/file_error.h"
#include "retina/core/lock.h"
#include "retina/pipeline/compare/cell_status.h"

namespace retina::pipeline {

GridWorker::GridWorker(const std::vector<Cell>& cells, const CompareOptions& options,
                       const core::Context& context)
    : cells_(cells),
      share_(parse_share(options.only)),
      work_{.overwrite = options.overwrite, .start = options.start},
      context_(context),
      grid_(cells, share_) {}

void GridWorker::run() {
  for (bool busy = true; busy;) {
    busy = false;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      if (share_.holds(i) && !taken_.contains(i) && take(i)) {
        taken_.insert(i);  // completed or failed: once is enough
        busy = true;
      }
    }
  }
}

void GridWorker::throw_failures() const {
  std::vector<Problem> problems;
  for (const auto& [cell, error] : failures_) {
    const bool is_noted = std::filesystem::exists(cells_[cell].failure_file());
    problems.push_back({.subject = cells_[cell].name(),
                        .found = error.what(),
                        .expected = {},
                        .remedy = is_noted ? "compare --overwrite trains it anew" : ""});
  }
  if (!failures_.empty()) {
    throw_if_any(failures_.begin()->second.kind(), "cells failed; the others are in the report",
                 problems);
  }
}

bool GridWorker::take(std::size_t index) {
  context_.check_stop();
  try {
    return complete(index);
  } catch (const std::exception& exception) {
    const Error error = core::error_of(exception);
    if (error.kind() == ErrorKind::interrupted) {
      throw error;
    }
    fail(index, error);
  }
  return true;
}

bool GridWorker::complete(std::size_t index) {
  const Cell& cell = cells_[index];
  if (is_finished(cell)) {
    return false;
  }
  const std::optional<core::OutputLock> lock = core::OutputLock::attempt(cell.folder);
  if (!lock || is_finished(cell)) {
    return false;
  }
  if (const std::optional<Error> known = noted_failure(cell, work_.start, context_)) {
    fail(index, *known);
    return true;
  }
  const std::string place =
      fmt::format("cell {} of {}{}", index + 1, cells_.size(), grid_.time_left());
  context_.log->info("{}: {}", place, cell.name());
  core::Context inner = context_;
  inner.progress = with_note(context_.progress, place);
  completed_.trained += complete_cell(cell, work_, inner) ? 1 : 0;
  ++completed_.scored;
  return true;
}

void GridWorker::fail(std::size_t index, const Error& error) {
  context_.log->error("{}: {}", cells_[index].name(), error.what());
  failures_.emplace(index, error);
}

}  // namespace retina::pipeline
