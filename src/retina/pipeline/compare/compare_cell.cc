#include "retina/pipeline/compare/compare_cell.h"

#include <cstdint>
#include <exception>
#include <filesystem>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>

#include "retina/core/durable.h"
#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/file_error.h"
#include "retina/core/options.h"
#include "retina/pipeline/compare/cell_scores.h"
#include "retina/pipeline/finetune/finetune.h"
#include "retina/pipeline/finetune/held_out_validator.h"
#include "retina/pipeline/run/run_config.h"
#include "retina/pipeline/run/run_folder.h"

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

/// The cell's own options, or those of its run with the wish to go on with it.
FinetuneOptions run_options(const Cell& cell, const core::Context& context) {
  recover_run(cell.run());
  if (!fs::exists(run_config_path(cell.run()))) {
    return cell.finetune;
  }
  return core::options_from_json<FinetuneOptions>(
      resolve_finetune({{"output", cell.run().string()},
                        {"resume", true},
                        {"device", cell.finetune.device},
                        {"threads", cell.finetune.threads}},
                       context));
}

/// Alone, whatever a launcher says: cells are what its processes share.
void train_cell(const Cell& cell, const core::Context& context) {
  const RunSurroundings surroundings{
      .place = {},
      .validated = [&cell](std::int64_t step, const std::vector<PredictedSlice>& slices,
                           const core::Context& inner) { score_step(cell, step, slices, inner); }};
  try {
    const FinetuneReport report = finetune(run_options(cell, context), surroundings, context);
    write_record(cell.trained_file(), to_json(report));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) {
      throw Error(ErrorKind::interrupted, Problem{.subject = cell.name(),
                                                  .found = "stopped, with a checkpoint",
                                                  .expected = {},
                                                  .remedy = "go on with the same command"});
    }
    throw;
  }
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

/// Makes the folder that of this configuration: empty, or with what was done before.
void begin_cell(const Cell& cell, const CellWork& work, const core::Context& context) {
  const CellStatus status = status_of(cell);
  if (status.damaged_file == cell.identity_file()) {
    throw Error(ErrorKind::bad_data, status.what_is_wrong)
        .with_remedy(fmt::format("make it readable or put it back; to train anew, remove '{}'",
                                 cell.folder.string()));
  }
  if (status.state == CellState::stale && !work.overwrite) {
    throw_if_stale({stale_problem(cell, status)});
  }
  const bool is_anew = work.overwrite && fs::exists(cell.failure_file());
  if (is_anew || status.state == CellState::missing || status.state == CellState::stale) {
    core::discard(cell.folder);  // what another configuration, or what failed, gave goes as a whole
    fs::create_directories(cell.folder);
    write_record(cell.identity_file(), cell.identity());
  } else if (status.state == CellState::damaged) {
    context.log->warn("{}: its result is made again: {}", cell.name(), status.what_is_wrong);
  }
}

/// True if there was something to train.
bool train_and_score(const Cell& cell, const core::Context& context) {
  const bool is_trained = fs::exists(cell.trained_file());
  if (!is_trained) {
    train_cell(cell, context);
  }
  core::discard(cell.run() / "checkpoints");  // nobody will go on from them
  write_record(cell.result_file(), core::options_to_json(score_cell(cell, context)));
  core::discard(cell.failure_file());
  return !is_trained;
}

/// A disk that takes no note of it, as a full one, does not hide what failed.
void note_failure(const Cell& cell, const CellFailure& failure, const core::Context& context) {
  try {
    write_record(cell.failure_file(), core::options_to_json(failure));
  } catch (const std::exception& unwritten) {
    context.log->warn("{}: other processes will try it too: {}", cell.name(), unwritten.what());
  }
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
    std::vector<std::string> changes = differences(stored_identity(cell), cell.identity());
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

bool complete_cell(const Cell& cell, const CellWork& work, const core::Context& context) {
  begin_cell(cell, work, context);
  try {
    return train_and_score(cell, context);
  } catch (const std::exception& exception) {
    const Error error = core::error_of(exception);
    // a full memory or a broken device is this process's own: others may have better ones
    if (error.kind() == ErrorKind::usage || error.kind() == ErrorKind::bad_data) {
      note_failure(cell, {.start = work.start, .kind = error.kind(), .error = error.what()},
                   context);
    }
    throw error;
  }
}

std::optional<Error> noted_failure(const Cell& cell, const std::string& start,
                                   const core::Context& context) {
  const fs::path file = cell.failure_file();
  if (!fs::exists(file)) {
    return std::nullopt;
  }
  try {
    const CellFailure failure = cell_failure_of(core::read_json(file), file.string());
    return failure.start == start ? std::optional(Error(failure.kind, failure.error))
                                  : std::nullopt;
  } catch (const Error& error) {
    context.log->warn("{}: it is tried again: {}", cell.name(), error.what());
    return std::nullopt;
  }
}

}  // namespace retina::pipeline
