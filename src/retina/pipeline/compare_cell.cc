#include "retina/pipeline/compare_cell.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <spdlog/logger.h>

#include "retina/core/durable.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/pipeline/finetune.h"
#include "retina/pipeline/held_out_scores.h"
#include "retina/pipeline/held_out_slices.h"
#include "retina/pipeline/run_folder.h"
#include "retina/report/metrics_log.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

void write_json(const fs::path& path, const Json& json) {
  core::write_atomically(path, std::string_view(core::dump_json(json, 1) + "\n"));
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
  const auto scores = score_slices(slices, cell.evaluate, core::with_warnings_alone(context));
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

/// Those of a step; none where it was not scored, or with other options.
std::map<std::string, double> scores_of_step(const Cell& cell, std::int64_t step) {
  std::map<std::string, double> scores;
  if (!fs::exists(cell.step_file(step))) {
    return scores;
  }
  const Json stored = core::read_json(cell.step_file(step));
  if (stored.value("evaluate", Json()) == core::options_to_json(cell.evaluate)) {
    core::from_json_value(scores, stored.value("scores", Json::object()),
                          cell.step_file(step).string() + ": scores");
  }
  return scores;
}

/// Scores over steps, and the median time of a step, from the run's log.
void read_log(const Cell& cell, CellResult& result) {
  std::map<std::int64_t, double> curve;
  std::vector<double> rates;
  for (const Json& line : report::read_metrics(cell.run() / "metrics.jsonl")) {
    if (line.contains("validation/iou") && line["validation/iou"].is_number()) {
      curve[line["step"].get<std::int64_t>()] = line["validation/iou"].get<double>();
    }
    if (const double rate = line.value("images_per_second", 0.0); rate > 0) {
      rates.push_back(rate);
    }
  }
  for (const auto& [step, iou] : curve) {
    result.curve.push_back({.step = step, .iou = iou, .scores = scores_of_step(cell, step)});
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

CellResult score_cell(const Cell& cell, const core::Context& context) {
  const Json trained = core::read_json(cell.trained_file());
  HeldOutSlices slices(cell.finetune, context);
  CellResult result{
      .evaluate = core::options_to_json(cell.evaluate),
      .training_slices = slices.card().provenance.value("training_slices", std::int64_t{0}),
      .steps = trained.value("steps", std::int64_t{0}),
      .seconds = trained.value("seconds", 0.0)};
  result.device = slices.device().str();
  result.precision = trained.value("precision", std::string());
  const std::vector<PredictedSlice> predicted = predict_all(slices);
  for (const PredictedSlice& slice : predicted) {
    result.slices.push_back(
        {.name = slice.name, .iou = slice_iou(slice, cell.finetune.classes.size())});
  }
  result.scores = score_slices(predicted, cell.evaluate, context);
  read_log(cell, result);
  tell_unscored_steps(cell, result, context);
  return result;
}

}  // namespace

bool complete_cell(const Cell& cell, const core::Context& context) {
  const CellState state = status_of(cell).state;
  if (state != CellState::partly) {  // what another configuration gave goes as a whole
    core::discard(cell.folder);
    fs::create_directories(cell.folder);
    write_json(cell.identity_file(), cell.identity());
  }
  const bool is_trained = fs::exists(cell.trained_file());
  if (!is_trained) {
    train_cell(cell, context);
  }
  core::discard(cell.run() / "checkpoints");  // nobody will go on from them
  write_json(cell.result_file(), core::options_to_json(score_cell(cell, context)));
  return !is_trained;
}

CellResult read_result(const Cell& cell) {
  CellResult result;
  core::from_json_value(result, core::read_json(cell.result_file()), cell.result_file().string());
  return result;
}

}  // namespace retina::pipeline
