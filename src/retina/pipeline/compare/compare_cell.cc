#include "retina/pipeline/compare/compare_cell.h"

#include <algorithm>
#include <exception>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>

#include "retina/core/durable.h"
#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/file_error.h"
#include "retina/core/json_text.h"
#include "retina/core/record.h"
#include "retina/pipeline/finetune/finetune.h"
#include "retina/pipeline/finetune/held_out_scores.h"
#include "retina/pipeline/finetune/held_out_slices.h"
#include "retina/pipeline/run/provenance.h"
#include "retina/pipeline/run/run_folder.h"
#include "retina/report/metrics_log.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

void write_json(const fs::path& path, const Json& json) {
  core::write_atomically(path, std::string_view(core::dump_json(json, 1) + "\n"));
}

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

/// The scores of the weights of a step, by the same rules as those of the end. They are made while
/// the weights are there, and kept apart from the run, which forgets them.
void score_step(const Cell& cell, std::int64_t step, const std::vector<PredictedSlice>& slices,
                const core::Context& context) {
  const auto scores = score_slices(slices, cell.evaluate, core::with_warnings_alone(context)).means;
  fs::create_directories(cell.step_file(step).parent_path());
  write_json(cell.step_file(step),
             {{"evaluate", core::options_to_json(cell.evaluate)}, {"scores", scores}});
}

/// Alone, whatever a launcher says: cells are what its processes share.
void train_cell(const Cell& cell, const core::Context& context) {
  const RunSurroundings surroundings{
      .place = {},
      .validated = [&cell](std::int64_t step, const std::vector<PredictedSlice>& slices,
                           const core::Context& inner) { score_step(cell, step, slices, inner); }};
  try {
    const FinetuneReport report = finetune(run_options(cell, context), surroundings, context);
    write_json(cell.trained_file(), to_json(report));
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

/// Mean over the classes, as in validation; none where nothing is known of the slice.
std::optional<double> slice_iou(const PredictedSlice& slice, std::size_t classes) {
  const auto counts = slice_overlap(slice.prediction, slice.truth, classes);
  if (!counts) {
    return std::nullopt;
  }
  double sum = 0;
  for (const metric::OverlapCounts& one : *counts) {
    sum += one.smoothed_iou();
  }
  return sum / static_cast<double>(classes);
}

std::vector<PredictedSlice> predict_all(HeldOutSlices& slices) {
  std::vector<PredictedSlice> all;
  for (std::size_t i = 0; i < slices.count(); ++i) {
    SliceSample sample = slices.predicted(i);
    all.push_back({.slice = slices.slice(i),
                   .voxel_nm = slices.voxel_nm(i),
                   .name = std::move(sample.name),
                   .truth = std::move(sample.truth),
                   .prediction = std::move(sample.prediction)});
  }
  return all;
}

/// Those of a step; none where it was not scored, or with other options, or its file is damaged.
std::map<std::string, double> scores_of_step(const Cell& cell, std::int64_t step,
                                             const core::Context& context) {
  const fs::path file = cell.step_file(step);
  if (!fs::exists(file)) {
    return {};
  }
  try {
    return step_scores_of(core::read_json(file), core::options_to_json(cell.evaluate),
                          file.string());
  } catch (const Error& error) {
    context.log->warn("{}: {}", cell.name(), error.what());
    return {};
  }
}

/// Scores over steps, and the median time of a step, from the run's log.
void read_log(const Cell& cell, CellResult& result, const core::Context& context) {
  std::map<std::int64_t, double> curve;
  std::vector<double> rates;
  for (const Json& line : report::read_metrics(cell.run() / "metrics.jsonl")) {
    if (const auto iou = report::number_in(line, "validation/iou")) {
      curve[line["step"].get<std::int64_t>()] = *iou;
    }
    if (const double rate = report::number_in(line, "images_per_second").value_or(0); rate > 0) {
      rates.push_back(rate);
    }
  }
  for (const auto& [step, iou] : curve) {
    result.curve.push_back(
        {.step = step, .iou = iou, .scores = scores_of_step(cell, step, context)});
  }
  if (!rates.empty()) {
    std::nth_element(rates.begin(), rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2),
                     rates.end());
    result.seconds_per_step = static_cast<double>(cell.finetune.batch) / rates[rates.size() / 2];
  }
}

/// Those of a cell that an earlier version trained, or that is scored by other rules than it was
/// when its weights were there.
void tell_unscored_steps(const Cell& cell, const CellResult& result, const core::Context& context) {
  const auto unscored = std::count_if(result.curve.begin(), result.curve.end(),
                                      [](const CurvePoint& point) { return point.scores.empty(); });
  if (unscored > 0) {
    context.log->warn(
        "{}: {} of {} checkpoints keep their validation IoU alone: they were not scored with these "
        "options of evaluate, and their weights are gone",
        cell.name(), unscored, result.curve.size());
  }
}

TrainedCell trained_cell(const Cell& cell) {
  const fs::path file = cell.trained_file();
  try {
    return trained_cell_of(core::read_json(file), file.string());
  } catch (const Error& error) {
    throw error.with_remedy(
        fmt::format("put it back; to train anew, remove '{}'", cell.folder.string()));
  }
}

CellResult score_cell(const Cell& cell, const core::Context& context) {
  const TrainedCell trained = trained_cell(cell);
  HeldOutSlices slices(cell.finetune, context);
  CellResult result{
      .evaluate = core::options_to_json(cell.evaluate),
      .training_slices = core::member_of<std::int64_t>(slices.card().provenance, "training_slices",
                                                       (cell.run() / "model").string()),
      .steps = trained.steps,
      .seconds = trained.seconds};
  result.device = slices.device().str();
  result.precision = trained.precision;
  const std::vector<PredictedSlice> predicted = predict_all(slices);
  for (const PredictedSlice& slice : predicted) {
    result.slices.push_back(
        {.name = slice.name, .iou = slice_iou(slice, cell.finetune.classes.size())});
  }
  SliceScores scores = score_slices(predicted, cell.evaluate, context);
  result.scores = std::move(scores.means);
  result.notes = std::move(scores.notes);
  read_log(cell, result, context);
  tell_unscored_steps(cell, result, context);
  return result;
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
    write_json(cell.identity_file(), cell.identity());
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
  write_json(cell.result_file(), core::options_to_json(score_cell(cell, context)));
  core::discard(cell.failure_file());
  return !is_trained;
}

/// A disk that takes no note of it, as a full one, does not hide what failed.
void note_failure(const Cell& cell, const CellFailure& failure, const core::Context& context) {
  try {
    write_json(cell.failure_file(), core::options_to_json(failure));
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
