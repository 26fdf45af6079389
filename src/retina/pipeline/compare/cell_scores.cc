#include "retina/pipeline/compare/cell_scores.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/options.h"
#include "retina/core/record.h"
#include "retina/metric/overlap.h"
#include "retina/pipeline/finetune/held_out_scores.h"
#include "retina/pipeline/finetune/held_out_slices.h"
#include "retina/report/metrics_log.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

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

}  // namespace

void score_step(const Cell& cell, std::int64_t step, const std::vector<PredictedSlice>& slices,
                const core::Context& context) {
  const auto scores = score_slices(slices, cell.evaluate, core::with_warnings_alone(context)).means;
  fs::create_directories(cell.step_file(step).parent_path());
  write_record(cell.step_file(step),
               {{"evaluate", core::options_to_json(cell.evaluate)}, {"scores", scores}});
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

}  // namespace retina::pipeline
