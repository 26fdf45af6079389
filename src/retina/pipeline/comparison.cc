#include "retina/pipeline/comparison.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace retina::pipeline {
namespace {

constexpr std::array<ComparedMetric, 11> kMetrics{{{"iou", "IoU", 4},
                                                   {"f", "F", 4},
                                                   {"precision", "precision", 4},
                                                   {"recall", "recall", 4},
                                                   {"mfd", "MFD [px]", 2},
                                                   {"mfd_nm", "MFD [nm]", 1},
                                                   {"cremi", "CREMI score [nm]", 1},
                                                   {"adgt", "ADGT [nm]", 1},
                                                   {"adf", "ADF [nm]", 1},
                                                   {"false_positives", "CREMI FP", 0},
                                                   {"false_negatives", "CREMI FN", 0}}};

bool are_beside(const RunGroup& a, const RunGroup& b) {
  return a.dataset == b.dataset && a.labels == b.labels;
}

std::vector<RunGroup> grouped(const std::vector<ComparedRun>& runs) {
  std::vector<RunGroup> groups;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const ComparedRun& run = runs[i];
    auto group = std::find_if(groups.begin(), groups.end(), [&](const RunGroup& g) {
      return g.dataset == run.dataset && g.labels == run.labels && g.init == run.init;
    });
    if (group == groups.end()) {
      group = groups.insert(group, RunGroup{run.dataset, run.labels, run.init, {}});
    }
    group->runs.push_back(i);
  }
  return groups;
}

std::vector<ComparedMetric> metrics_in(const std::vector<ComparedRun>& runs) {
  std::vector<ComparedMetric> found;
  for (const ComparedMetric& metric : kMetrics) {
    if (std::any_of(runs.begin(), runs.end(), [&](const ComparedRun& run) {
          return run.result.scores.contains(metric.key);
        })) {
      found.push_back(metric);
    }
  }
  return found;
}

std::optional<InitPair> tested_pair(const Comparison& comparison, const RunGroup& a,
                                    const RunGroup& b, const ComparedMetric& metric) {
  const std::vector<double> first = comparison.values(a, metric.key);
  const std::vector<double> second = comparison.values(b, metric.key);
  const auto test = metric::mann_whitney(first, second);
  if (!test) {
    return std::nullopt;
  }
  return InitPair{.dataset = a.dataset,
                  .labels = a.labels,
                  .first = a.init,
                  .second = b.init,
                  .metric = metric.key,
                  .test = *test,
                  .first_values = first.size(),
                  .second_values = second.size(),
                  .of_all_runs = first.size() == a.runs.size() && second.size() == b.runs.size()};
}

std::vector<InitPair> tested(const Comparison& comparison) {
  std::vector<InitPair> tests;
  for (auto a = comparison.groups.begin(); a != comparison.groups.end(); ++a) {
    for (auto b = std::next(a); b != comparison.groups.end(); ++b) {
      if (!are_beside(*a, *b)) {
        continue;
      }
      for (const ComparedMetric& metric : comparison.metrics) {
        if (auto pair = tested_pair(comparison, *a, *b, metric)) {
          tests.push_back(std::move(*pair));
        }
      }
    }
  }
  return tests;
}

Json to_json(const std::optional<Moments>& moments) {
  return moments ? Json{{"mean", moments->mean}, {"sd", moments->sd}, {"n", moments->count}}
                 : Json(nullptr);
}

std::string csv_text(const std::string& text) {
  return text.find_first_of(",\"\n") == std::string::npos ? text : '"' + text + '"';
}

}  // namespace

std::optional<Moments> moments(const std::vector<double>& values) {
  if (values.empty()) {
    return std::nullopt;
  }
  const auto count = static_cast<double>(values.size());
  Moments found{.mean = std::accumulate(values.begin(), values.end(), 0.0) / count,
                .count = values.size()};
  double squares = 0;
  for (const double value : values) {
    squares += (value - found.mean) * (value - found.mean);
  }
  found.sd = values.size() > 1 ? std::sqrt(squares / (count - 1)) : 0;
  return found;
}

std::string to_text(const std::optional<Moments>& moments, int digits) {
  if (!moments) {
    return "-";
  }
  return moments->count == 1
             ? fmt::format("{:.{}f}", moments->mean, digits)
             : fmt::format("{:.{}f} ± {:.{}f}", moments->mean, digits, moments->sd, digits);
}

std::vector<double> Comparison::values(const RunGroup& group, const std::string& metric) const {
  std::vector<double> found;
  for (const std::size_t run : group.runs) {
    const auto& scores = runs[run].result.scores;
    if (const auto score = scores.find(metric); score != scores.end()) {
      found.push_back(score->second);
    }
  }
  return found;
}

std::vector<double> Comparison::iou_after(const RunGroup& group, std::int64_t step) const {
  std::vector<double> found;
  for (const std::size_t run : group.runs) {
    for (const CurvePoint& point : runs[run].result.curve) {
      if (point.step == step) {
        found.push_back(point.iou);
      }
    }
  }
  return found;
}

std::vector<std::int64_t> Comparison::steps(const RunGroup& group) const {
  std::set<std::int64_t> found;
  for (const std::size_t run : group.runs) {
    for (const CurvePoint& point : runs[run].result.curve) {
      found.insert(point.step);
    }
  }
  return {found.begin(), found.end()};
}

Comparison summarise(std::vector<ComparedRun> runs) {
  Comparison comparison{.runs = std::move(runs), .groups = {}, .metrics = {}, .tests = {}};
  comparison.groups = grouped(comparison.runs);
  comparison.metrics = metrics_in(comparison.runs);
  comparison.tests = tested(comparison);
  return comparison;
}

std::string to_csv(const Comparison& comparison) {
  std::string text =
      "dataset,labels,init,seed,precision,training_slices,steps,seconds,seconds_per_step";
  for (const ComparedMetric& metric : comparison.metrics) {
    text += fmt::format(",{}", metric.key);
  }
  for (const ComparedRun& run : comparison.runs) {
    const CellResult& result = run.result;
    text += fmt::format("\n{},{},{},{},{},{},{},{}", csv_text(run.dataset), run.labels, run.init,
                        run.seed, result.precision, result.training_slices, result.steps,
                        result.seconds);
    text += result.seconds_per_step ? fmt::format(",{}", *result.seconds_per_step) : ",";
    for (const ComparedMetric& metric : comparison.metrics) {
      const auto score = result.scores.find(metric.key);
      text += score != result.scores.end() ? fmt::format(",{}", score->second) : ",";
    }
  }
  return text + "\n";
}

Json to_json(const Comparison& comparison) {
  Json json = {{"runs", Json::array()}, {"groups", Json::array()}, {"tests", Json::array()}};
  for (const ComparedRun& run : comparison.runs) {
    Json entry = {
        {"dataset", run.dataset}, {"labels", run.labels}, {"init", run.init}, {"seed", run.seed}};
    entry.update(core::options_to_json(run.result));
    json["runs"].push_back(std::move(entry));
  }
  for (const RunGroup& group : comparison.groups) {
    Json entry = {{"dataset", group.dataset}, {"labels", group.labels}, {"init", group.init}};
    for (const ComparedMetric& metric : comparison.metrics) {
      entry[metric.key] = to_json(moments(comparison.values(group, metric.key)));
    }
    for (const std::int64_t step : comparison.steps(group)) {
      entry["curve"].push_back(
          {{"step", step}, {"iou", to_json(moments(comparison.iou_after(group, step)))}});
    }
    json["groups"].push_back(std::move(entry));
  }
  for (const InitPair& pair : comparison.tests) {
    json["tests"].push_back({{"dataset", pair.dataset},
                             {"labels", pair.labels},
                             {"first", pair.first},
                             {"second", pair.second},
                             {"metric", pair.metric},
                             {"n", {pair.first_values, pair.second_values}},
                             {"u", pair.test.u},
                             {"p", pair.test.p},
                             {"exact", pair.test.exact}});
  }
  return json;
}

}  // namespace retina::pipeline
