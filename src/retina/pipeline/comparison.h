#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/metric/mann_whitney.h"
#include "retina/pipeline/compare_cell.h"

namespace retina::pipeline {

/// A finished cell of the grid.
struct ComparedRun {
  std::string dataset;
  std::string labels;
  std::string init;
  std::uint64_t seed = 0;
  CellResult result;
};

/// One of the scores in CellResult::scores.
struct ComparedMetric {
  const char* key;
  const char* title;
  int digits;
};

/// Mean and sample standard deviation.
struct Moments {
  double mean = 0;
  double sd = 0;  ///< 0 for a single value
  std::size_t count = 0;
};
std::optional<Moments> moments(const std::vector<double>& values);
/// "0.712 +- 0.010"; without the deviation for one value, "-" for none.
std::string to_text(const std::optional<Moments>& moments, int digits);

/// The runs that differ in their seed alone.
struct RunGroup {
  std::string dataset;
  std::string labels;
  std::string init;
  std::vector<std::size_t> runs;  ///< numbers in Comparison::runs
};

/// Two initialisations on the same data.
struct InitPair {
  std::string dataset;
  std::string labels;
  std::string first;
  std::string second;
  std::string metric;  ///< key
  metric::MannWhitney test;
  std::size_t first_values = 0;  ///< runs in which the score is defined
  std::size_t second_values = 0;
  bool of_all_runs = true;
};

struct Comparison {
  std::vector<ComparedRun> runs;
  std::vector<RunGroup> groups;         ///< in the order of the runs
  std::vector<ComparedMetric> metrics;  ///< those that some run has
  std::vector<InitPair> tests;

  /// The defined values of one score in a group.
  std::vector<double> values(const RunGroup& group, const std::string& metric) const;
  /// IoU after `step` steps in the runs of a group that were validated there.
  std::vector<double> iou_after(const RunGroup& group, std::int64_t step) const;
  /// All steps after which some run of the group was validated, ascending.
  std::vector<std::int64_t> steps(const RunGroup& group) const;
};

/// Groups the runs and tests each pair of initialisations within a dataset and amount of labels.
Comparison summarise(std::vector<ComparedRun> runs);

/// A table for people.
struct ReportTable {
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};
/// Scores (mean and deviation), IoU after some steps, significance: of every dataset.
std::vector<ReportTable> tables_of(const Comparison& comparison);
std::string to_markdown(const std::vector<ReportTable>& tables);

/// One line for each run.
std::string to_csv(const Comparison& comparison);
/// Keys runs, groups, tests.
Json to_json(const Comparison& comparison);

}  // namespace retina::pipeline
