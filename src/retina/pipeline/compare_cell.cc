#include "retina/pipeline/compare_cell.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "retina/core/durable.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/pipeline/finetune.h"
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

void train_cell(const Cell& cell, const core::Context& context) {
  try {
    const FinetuneReport report = finetune(run_options(cell, context), context);
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

std::shared_ptr<const core::Volume> volume_of(core::Array values, const std::string& axes,
                                              std::optional<core::Vec3d> voxel_nm) {
  core::VolumeInfo info;
  info.source = "held-out slices";
  info.format = "memory";
  info.axes = axes;
  info.dtype = values.dtype();
  info.shape = values.shape();
  info.voxel_nm = voxel_nm;
  return std::make_shared<core::ArrayVolume>(std::move(info), std::move(values));
}

/// Planes of one shape as one volume.
core::Array stacked(const std::vector<SliceSample>& samples, core::Array SliceSample::*planes) {
  core::Vec3 shape = (samples.front().*planes).shape();
  shape[0] = static_cast<std::int64_t>(samples.size());
  core::Array stack(core::DType::u8, 1, shape);
  for (std::size_t z = 0; z < samples.size(); ++z) {
    core::copy_overlap(samples[z].*planes, {static_cast<std::int64_t>(z), 0, 0}, stack, {0, 0, 0});
  }
  return stack;
}

/// What is scored as one image: a slice, or all slices of a volume.
struct ScoredStack {
  std::string name;
  std::string axes;
  std::optional<core::Vec3d> voxel_nm;
  std::vector<SliceSample> samples;
};

LabelPair pair_of_stack(const ScoredStack& image) {
  const auto prediction =
      volume_of(stacked(image.samples, &SliceSample::prediction), image.axes, image.voxel_nm);
  const auto truth =
      volume_of(stacked(image.samples, &SliceSample::truth), image.axes, image.voxel_nm);
  return {.name = image.name,
          .prediction = [prediction] { return prediction; },
          .truth = [truth] { return truth; }};
}

/// Mean over the classes, as in validation; none where nothing is known of the slice.
std::optional<double> slice_iou(const SliceSample& sample, std::size_t classes) {
  const auto counts = slice_overlap(sample.prediction, sample.truth, classes);
  if (!counts) {
    return std::nullopt;
  }
  double sum = 0;
  for (const metric::OverlapCounts& one : *counts) {
    sum += one.smoothed_iou();
  }
  return sum / static_cast<double>(classes);
}

/// Predicts all held-out slices; their IoU goes to `result`.
std::vector<ScoredStack> predict_images(const Cell& cell, HeldOutSlices& slices,
                                        std::vector<SliceIou>& ious) {
  std::vector<ScoredStack> images;
  const data::Slice* before = nullptr;
  for (std::size_t i = 0; i < slices.count(); ++i) {
    const data::Slice& slice = slices.slice(i);
    SliceSample sample = slices.predicted(i);
    ious.push_back({.name = sample.name, .iou = slice_iou(sample, cell.finetune.classes.size())});
    const bool same =
        before != nullptr && before->volume == slice.volume && before->axis == 0 && slice.axis == 0;
    before = &slice;
    if (!cell.evaluate.volume || !same) {
      images.push_back({.name = sample.name,
                        .axes = cell.evaluate.volume && slice.axis == 0 ? "zyx" : "yx",
                        .voxel_nm = slice.axis == 0 ? slices.voxel_nm(i) : std::nullopt,
                        .samples = {}});
    }
    images.back().samples.push_back(std::move(sample));
  }
  return images;
}

/// Means over the classes of what is defined.
std::map<std::string, double> scores_of(const EvaluateReport& report) {
  std::map<std::string, double> scores;
  const auto put = [&](const std::string& key, const std::function<Score(const ClassScores&)>& of) {
    std::vector<Score> values;
    for (const ClassScores& one : report.classes) {
      values.push_back(of(one));
    }
    if (const Score mean = mean_score(values); mean.value) {
      scores[key] = *mean.value;
    }
  };
  put("f", [](const ClassScores& one) { return one.f; });
  put("precision", [](const ClassScores& one) { return one.precision; });
  put("recall", [](const ClassScores& one) { return one.recall; });
  put("mfd", [](const ClassScores& one) { return one.mfd; });
  put("mfd_nm", [](const ClassScores& one) { return one.mfd_nm; });
  const auto put_cremi = [&](const std::string& key, Score CremiReport::*member) {
    put(key, [&](const ClassScores& one) { return one.cremi ? (*one.cremi).*member : Score{}; });
  };
  put_cremi("adgt", &CremiReport::adgt);
  put_cremi("adf", &CremiReport::adf);
  put_cremi("cremi", &CremiReport::score);
  put_cremi("false_positives", &CremiReport::false_positives);
  put_cremi("false_negatives", &CremiReport::false_negatives);
  if (report.mean_iou.value) {
    scores["iou"] = *report.mean_iou.value;
  }
  return scores;
}

/// IoU over steps, and the median time of a step, from the run's log.
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
    result.curve.push_back({.step = step, .iou = iou});
  }
  if (!rates.empty()) {
    std::nth_element(rates.begin(), rates.begin() + static_cast<std::ptrdiff_t>(rates.size() / 2),
                     rates.end());
    result.seconds_per_step = static_cast<double>(cell.finetune.batch) / rates[rates.size() / 2];
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
  EvaluateOptions evaluate = cell.evaluate;
  evaluate.ignore_value = data::kIgnore;  // labels are class ids already
  std::vector<LabelPair> pairs;
  for (const ScoredStack& image : predict_images(cell, slices, result.slices)) {
    pairs.push_back(pair_of_stack(image));
  }
  result.scores = scores_of(evaluate_pairs(pairs, evaluate, context));
  read_log(cell, result);
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
