#include <optional>

#include <fmt/format.h>

#include "retina/pipeline/compare/comparison.h"
#include "retina/pipeline/compare/moments.h"

namespace retina::pipeline {
namespace {

/// Which run a line is of. The names of a grid need no quotes (CompareOptions::validate).
std::string csv_run(const ComparedRun& run) {
  return fmt::format("\n{},{},{},{}", run.dataset, run.labels, run.init, run.seed);
}

std::string csv_header(const Comparison& comparison, const std::string& first) {
  std::string text = "dataset,labels,init,seed," + first;
  for (const ComparedMetric& metric : comparison.metrics) {
    text += fmt::format(",{}", metric.key);
  }
  return text;
}

/// Nothing between the commas for a score that is undefined.
std::string csv_scores(const Comparison& comparison, const std::map<std::string, double>& scores) {
  std::string text;
  for (const ComparedMetric& metric : comparison.metrics) {
    const auto score = scores.find(metric.key);
    text += score != scores.end() ? fmt::format(",{}", score->second) : ",";
  }
  return text;
}

Json moments_to_json(const std::vector<double>& values) {
  const std::optional<Moments> found = moments(values);
  return found ? Json{{"mean", found->mean}, {"sd", found->sd}, {"n", found->count}}
               : Json(nullptr);
}

Json group_to_json(const Comparison& comparison, const RunGroup& group) {
  Json entry = {{"dataset", group.dataset}, {"labels", group.labels}, {"init", group.init}};
  for (const ComparedMetric& metric : comparison.metrics) {
    entry[metric.key] = moments_to_json(comparison.values(group, metric.key));
  }
  for (const std::int64_t step : comparison.steps(group)) {
    Json point = {{"step", step}};
    point[kValidationIou.key] =
        moments_to_json(comparison.values_after(group, step, kValidationIou.key));
    for (const ComparedMetric& metric : comparison.metrics) {
      point[metric.key] = moments_to_json(comparison.values_after(group, step, metric.key));
    }
    entry["curve"].push_back(std::move(point));
  }
  return entry;
}

Json mean_to_json(const Comparison& comparison, const GroupMean& mean) {
  Json entry = {{"group", mean.group},
                {"datasets", mean.datasets},
                {"labels", mean.labels},
                {"init", mean.init},
                {"seeds", mean.seeds}};
  for (const ComparedMetric& metric : comparison.metrics) {
    const auto values = mean.values.find(metric.key);
    entry[metric.key] =
        values == mean.values.end() ? Json(nullptr) : moments_to_json(values->second);
  }
  return entry;
}

/// `common`: "dataset" or "group".
Json pair_to_json(const char* common, const InitPair& pair) {
  return {{common, pair.dataset},    {"labels", pair.labels},
          {"first", pair.first},     {"second", pair.second},
          {"metric", pair.metric},   {"n", {pair.first_values, pair.second_values}},
          {"u", pair.test.u},        {"p", pair.test.p},
          {"exact", pair.test.exact}};
}

}  // namespace

std::string to_csv(const Comparison& comparison) {
  std::string text =
      csv_header(comparison, "arithmetic,training_slices,steps,seconds,seconds_per_step");
  for (const ComparedRun& run : comparison.runs) {
    const CellResult& result = run.result;
    text += csv_run(run) + fmt::format(",{},{},{},{}", result.precision, result.training_slices,
                                       result.steps, result.seconds);
    text += result.seconds_per_step ? fmt::format(",{}", *result.seconds_per_step) : ",";
    text += csv_scores(comparison, result.scores);
  }
  return text + "\n";
}

std::string curves_to_csv(const Comparison& comparison) {
  std::string text = csv_header(comparison, fmt::format("step,{}", kValidationIou.key));
  for (const ComparedRun& run : comparison.runs) {
    for (const CurvePoint& point : run.result.curve) {
      text += csv_run(run) + fmt::format(",{},{}", point.step, point.iou) +
              csv_scores(comparison, point.scores);
    }
  }
  return text + "\n";
}

Json to_json(const Comparison& comparison) {
  Json json = {{"runs", Json::array()},        {"groups", Json::array()},
               {"group_means", Json::array()}, {"tests", Json::array()},
               {"group_tests", Json::array()}, {"notes", Json::array()}};
  for (const ComparedRun& run : comparison.runs) {
    Json entry = {{"dataset", run.dataset},
                  {"group", run.group},
                  {"labels", run.labels},
                  {"init", run.init},
                  {"seed", run.seed}};
    entry.update(core::options_to_json(run.result));
    json["runs"].push_back(std::move(entry));
  }
  for (const RunGroup& group : comparison.groups) {
    json["groups"].push_back(group_to_json(comparison, group));
  }
  for (const GroupMean& mean : comparison.group_means) {
    json["group_means"].push_back(mean_to_json(comparison, mean));
  }
  for (const InitPair& pair : comparison.tests) {
    json["tests"].push_back(pair_to_json("dataset", pair));
  }
  for (const InitPair& pair : comparison.group_tests) {
    json["group_tests"].push_back(pair_to_json("group", pair));
  }
  for (const DatasetNote& note : notes_of(comparison)) {
    json["notes"].push_back({{"dataset", note.dataset}, {"note", note.text}, {"runs", note.runs}});
  }
  return json;
}

}  // namespace retina::pipeline
