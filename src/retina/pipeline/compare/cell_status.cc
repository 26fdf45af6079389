#include "retina/pipeline/compare/cell_status.h"

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// The identity in the cell's folder, in the terms of this version.
Json stored_identity(const Cell& cell) {
  const CellIdentity stored =
      cell_identity_of(core::read_json(cell.identity_file()), cell.identity_file().string());
  return identity_json(stored);
}

CellResult read_result(const Cell& cell) {
  return cell_result_of(core::read_json(cell.result_file()), cell.result_file().string());
}

/// What is wrong with a stale cell.
Problem stale_problem(const Cell& cell, const CellStatus& status) {
  return {.subject = cell.name(),
          .found = fmt::format("{}", fmt::join(status.changes, "; ")),
          .expected = "the configuration that it was begun with",
          .remedy =
              "take the change back, choose another output, or train these cells anew with "
              "--overwrite"};
}

void throw_if_stale(const std::vector<Problem>& problems) {
  throw_if_any(ErrorKind::usage, "the configuration has changed since", problems);
}

/// Of a cell that was begun and has not the scores that are asked for.
CellStatus unfinished_status(const Cell& cell) {
  const fs::path file = cell.failure_file();
  try {
    if (fs::exists(file)) {
      const CellFailure failure = cell_failure_of(core::read_json(file), file.string());
      return {.state = CellState::failed, .what_is_wrong = failure.error};
    }
  } catch (const Error&) {
    return {.state = CellState::partly};  // who takes the cell warns of the note
  }
  return {.state = CellState::partly};
}

}  // namespace

CellStatus status_of(const Cell& cell) {
  fs::path file = cell.identity_file();
  try {
    if (!fs::exists(file)) {
      return {};
    }
    std::vector<std::string> changes = identity_changes(stored_identity(cell), cell.identity());
    if (!changes.empty()) {
      return {.state = CellState::stale, .changes = std::move(changes)};
    }
    file = cell.result_file();
    if (!fs::exists(file)) {
      return unfinished_status(cell);
    }
    CellResult result = read_result(cell);
    if (!are_same_rules(result.evaluate, core::options_to_json(cell.evaluate))) {
      return unfinished_status(cell);
    }
    return {.state = CellState::finished, .result = std::move(result)};
  } catch (const std::exception& error) {
    return {.state = CellState::damaged,
            .damaged_file = std::move(file),
            .what_is_wrong = error.what()};
  }
}

bool is_finished(const Cell& cell) {
  return status_of(cell).state == CellState::finished;
}

void refuse_stale(const std::vector<Cell>& cells) {
  std::vector<Problem> problems;
  for (const Cell& cell : cells) {
    if (const CellStatus status = status_of(cell); status.state == CellState::stale) {
      problems.push_back(stale_problem(cell, status));
    }
  }
  throw_if_stale(problems);
}

void refuse_stale(const Cell& cell, const CellStatus& status) {
  if (status.state == CellState::stale) {
    throw_if_stale({stale_problem(cell, status)});
  }
}

std::vector<std::string> identity_changes(const Json& before, const Json& now) {
  std::map<std::string, std::pair<std::string, std::string>> leaves;  // by path: before, now
  const Json old_leaves = before.flatten();
  const Json new_leaves = now.flatten();
  for (const auto& [path, value] : old_leaves.items()) {
    leaves[path].first = core::dump_json(value);
  }
  for (const auto& [path, value] : new_leaves.items()) {
    leaves[path].second = core::dump_json(value);
  }
  std::vector<std::string> changes;
  for (const auto& [path, values] : leaves) {
    if (values.first != values.second) {
      std::string name = path.substr(path.starts_with("/finetune/") ? 10 : 1);
      std::replace(name.begin(), name.end(), '/', '.');
      const auto shown = [](const std::string& text) { return text.empty() ? "nothing" : text; };
      changes.push_back(
          fmt::format("{}: {}, now {}", name, shown(values.first), shown(values.second)));
    }
  }
  return changes;
}

}  // namespace retina::pipeline
