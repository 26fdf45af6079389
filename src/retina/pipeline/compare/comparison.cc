#include "retina/pipeline/compare/comparison.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "retina/pipeline/compare/first_seen.h"

namespace retina::pipeline {
namespace {

std::vector<RunGroup> grouped(const std::vector<ComparedRun>& runs) {
  std::vector<RunGroup> groups;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const ComparedRun& run = runs[i];
    const RunGroup of_run{run.dataset, run.labels, run.init, {}};
    const auto is_of_run = [&](const RunGroup& group) {
      return have_same_data(group, of_run) && group.init == of_run.init;
    };
    found_or_added(groups, is_of_run, of_run).runs.push_back(i);
  }
  return groups;
}

std::vector<ComparedMetric> metrics_in(const std::vector<ComparedRun>& runs) {
  std::vector<ComparedMetric> found;
  for (const ComparedMetric& metric : kComparedMetrics) {
    if (std::any_of(runs.begin(), runs.end(), [&](const ComparedRun& run) {
          return run.result.scores.contains(metric.key);
        })) {
      found.push_back(metric);
    }
  }
  return found;
}

/// The values of a score with one initialisation, out of so many runs or means.
struct ScoreSample {
  std::vector<double> values;
  std::size_t of = 0;
};

/// `pair` with its test; none where a score is defined nowhere.
std::optional<InitPair> tested_pair(InitPair pair, const ScoreSample& first,
                                    const ScoreSample& second) {
  const auto test = metric::mann_whitney(first.values, second.values);
  if (!test) {
    return std::nullopt;
  }
  pair.test = *test;
  pair.first_values = first.values.size();
  pair.second_values = second.values.size();
  pair.of_all_runs = pair.first_values == first.of && pair.second_values == second.of;
  return pair;
}

/// Tests every score of all two initialisations that have the labels and the data, by
/// `data_of(row)`, in common.
template <class Row, class DataOf, class SampleOf>
std::vector<InitPair> tests_between(const std::vector<Row>& rows,
                                    const std::vector<ComparedMetric>& metrics,
                                    const DataOf& data_of, const SampleOf& sample_of) {
  std::vector<InitPair> tests;
  for (auto a = rows.begin(); a != rows.end(); ++a) {
    for (auto b = std::next(a); b != rows.end(); ++b) {
      if (data_of(*a) != data_of(*b) || a->labels != b->labels) {
        continue;
      }
      for (const ComparedMetric& metric : metrics) {
        InitPair pair{.dataset = data_of(*a),
                      .labels = a->labels,
                      .first = a->init,
                      .second = b->init,
                      .metric = metric.key};
        if (auto tested =
                tested_pair(std::move(pair), sample_of(*a, metric), sample_of(*b, metric))) {
          tests.push_back(std::move(*tested));
        }
      }
    }
  }
  return tests;
}

std::vector<InitPair> tests_of_runs(const Comparison& comparison) {
  return tests_between(
      comparison.groups, comparison.metrics, [](const RunGroup& group) { return group.dataset; },
      [&](const RunGroup& group, const ComparedMetric& metric) {
        return ScoreSample{.values = comparison.values(group, metric.key), .of = group.runs.size()};
      });
}

std::vector<InitPair> tests_of_means(const Comparison& comparison) {
  return tests_between(
      comparison.group_means, comparison.metrics, [](const GroupMean& mean) { return mean.group; },
      [](const GroupMean& mean, const ComparedMetric& metric) {
        const auto values = mean.values.find(metric.key);
        return ScoreSample{
            .values = values == mean.values.end() ? std::vector<double>{} : values->second,
            .of = mean.seeds};
      });
}

/// The scores that are shown over the steps, in the order that was asked for.
std::vector<ComparedMetric> metrics_named(const std::vector<std::string>& keys) {
  std::vector<ComparedMetric> found;
  for (const std::string& key : keys) {
    const auto metric = std::find_if(kComparedMetrics.begin(), kComparedMetrics.end(),
                                     [&](const ComparedMetric& one) { return one.key == key; });
    if (metric != kComparedMetrics.end()) {
      found.push_back(*metric);
    }
  }
  return found;
}

bool is_unscored(const CurvePoint& point) {
  return point.scores.empty();
}

/// Runs of a group with a step that was not scored.
std::size_t unscored_runs(const Comparison& comparison, const RunGroup& group) {
  return static_cast<std::size_t>(
      std::count_if(group.runs.begin(), group.runs.end(), [&](std::size_t run) {
        const std::vector<CurvePoint>& curve = comparison.runs[run].result.curve;
        return std::any_of(curve.begin(), curve.end(), is_unscored);
      }));
}

/// The mean of one score over runs; none where one of them lacks it.
std::optional<double> mean_of_runs(const std::vector<const ComparedRun*>& runs,
                                   const std::string& metric) {
  double sum = 0;
  for (const ComparedRun* run : runs) {
    const auto score = run->result.scores.find(metric);
    if (score == run->result.scores.end()) {
      return std::nullopt;
    }
    sum += score->second;
  }
  return sum / static_cast<double>(runs.size());
}

/// Over the datasets of `name`, of the runs with the labels and initialisation of `like`.
GroupMean group_mean(const Comparison& comparison, const std::string& name, const RunGroup& like) {
  std::set<std::string> datasets;
  std::map<std::uint64_t, std::vector<const ComparedRun*>> by_seed;
  for (const ComparedRun& run : comparison.runs) {
    if (run.group == name) {
      datasets.insert(run.dataset);
      if (run.labels == like.labels && run.init == like.init) {
        by_seed[run.seed].push_back(&run);
      }
    }
  }
  GroupMean mean{
      .group = name, .labels = like.labels, .init = like.init, .datasets = datasets.size()};
  for (const auto& [seed, runs] : by_seed) {
    if (runs.size() != datasets.size()) {
      continue;
    }
    ++mean.seeds;
    for (const ComparedMetric& metric : comparison.metrics) {
      if (const auto value = mean_of_runs(runs, metric.key)) {
        mean.values[metric.key].push_back(*value);
      }
    }
  }
  return mean;
}

std::vector<GroupMean> all_group_means(const Comparison& comparison) {
  std::vector<GroupMean> means;
  for (const RunGroup& group : comparison.groups) {
    const std::string& name = comparison.runs[group.runs.front()].group;
    const bool is_known = std::any_of(means.begin(), means.end(), [&](const GroupMean& mean) {
      return mean.group == name && mean.labels == group.labels && mean.init == group.init;
    });
    if (!name.empty() && !is_known) {
      means.push_back(group_mean(comparison, name, group));
    }
  }
  std::erase_if(means, [](const GroupMean& mean) { return mean.datasets < 2; });
  return means;
}

}  // namespace

bool have_same_dataset(const RunGroup& a, const RunGroup& b) {
  return a.dataset == b.dataset;
}

bool have_same_data(const RunGroup& a, const RunGroup& b) {
  return have_same_dataset(a, b) && a.labels == b.labels;
}

std::string GroupMean::name() const {
  return fmt::format("{} (mean of {})", group, datasets);
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

std::vector<double> Comparison::values_after(const RunGroup& group, std::int64_t step,
                                             const std::string& metric) const {
  std::vector<double> found;
  for (const std::size_t run : group.runs) {
    for (const CurvePoint& point : runs[run].result.curve) {
      if (point.step != step) {
        continue;
      }
      const auto score = point.scores.find(metric);
      if (metric == kValidationIou.key) {
        found.push_back(point.iou);
      } else if (score != point.scores.end()) {
        found.push_back(score->second);
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

std::vector<ComparedMetric> Comparison::curves_of(const std::vector<RunGroup>& some) const {
  std::vector<ComparedMetric> found;
  for (const ComparedMetric& metric : curves) {
    const bool is_there = std::any_of(some.begin(), some.end(), [&](const RunGroup& group) {
      const std::vector<std::int64_t> all = steps(group);
      return std::any_of(all.begin(), all.end(), [&](std::int64_t step) {
        return !values_after(group, step, metric.key).empty();
      });
    });
    if (is_there) {
      found.push_back(metric);
    }
  }
  if (!note_of_unscored(*this, some).empty()) {
    found.push_back(kValidationIou);
  }
  return found;
}

std::string note_of_unscored(const Comparison& comparison, const std::vector<RunGroup>& groups) {
  std::size_t runs = 0;
  std::size_t unscored = 0;
  for (const RunGroup& group : groups) {
    runs += group.runs.size();
    unscored += unscored_runs(comparison, group);
  }
  if (unscored == 0) {
    return "";
  }
  return fmt::format(
      "{} of {} runs have steps with the IoU of their validation alone, a mean over the held-out "
      "slices one by one: an earlier version trained them, or the options of evaluate have changed "
      "since.",
      unscored, runs);
}

Comparison summarise(std::vector<ComparedRun> runs, const std::vector<std::string>& curves) {
  Comparison comparison{.runs = std::move(runs), .groups = {}, .metrics = {}, .tests = {}};
  comparison.curves = metrics_named(curves);
  comparison.groups = grouped(comparison.runs);
  comparison.metrics = metrics_in(comparison.runs);
  comparison.tests = tests_of_runs(comparison);
  comparison.group_means = all_group_means(comparison);
  comparison.group_tests = tests_of_means(comparison);
  return comparison;
}

}  // namespace retina::pipeline
