#include "retina/pipeline/compare/complete_cell.h"

#include <cstdint>
#include <exception>
#include <filesystem>
#include <vector>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/durable.h"
#include "retina/core/file.h"
#include "retina/core/file_error.h"
#include "retina/core/options.h"
#include "retina/pipeline/compare/cell_records.h"
#include "retina/pipeline/compare/cell_scores.h"
#include "retina/pipeline/compare/cell_status.h"
#include "retina/pipeline/finetune/finetune.h"
#include "retina/pipeline/finetune/held_out_validator.h"
#include "retina/pipeline/run/run_config.h"
#include "retina/pipeline/run/run_folder.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

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

/// Makes the folder that of this configuration: empty, or with what was done before.
void begin_cell(const Cell& cell, const CellWork& work, const core::Context& context) {
  const CellStatus status = status_of(cell);
  if (status.damaged_file == cell.identity_file()) {
    throw Error(ErrorKind::bad_data, status.what_is_wrong)
        .with_remedy(fmt::format("make it readable or put it back; to train anew, remove '{}'",
                                 cell.folder.string()));
  }
  if (!work.overwrite) {
    refuse_stale(cell, status);
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

}  // namespace

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
