#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "retina/core/json.h"
#include "retina/metric/mann_whitney.h"
#include "retina/pipeline/compare/cell_records.h"
#include "retina/pipeline/compare/compare_options.h"
#include "retina/pipeline/compare/compared_metric.h"

namespace retina::pipeline {

/// A finished cell of the grid.
struct ComparedRun {
  std::string dataset;
  std::string labels;
  std::string init;
  std::uint64_t seed = 0;
  CellResult result;
  std::string group{};  ///< of its dataset
};

/// What steps have that were not scored: the mean over classes and slices of the run's validation.
inline constexpr ComparedMetric kValidationIou{"validation_iou", "validation IoU (per slice)", 4};

/// The runs that differ in their seed alone.
struct RunGroup {
  std::string dataset;
  std::string labels;
  std::string init;
  std::vector<std::size_t> runs;  ///< numbers in Comparison::runs
};
bool have_same_dataset(const RunGroup& a, const RunGroup& b);
/// The amount of labels as well.
bool have_same_data(const RunGroup& a, const RunGroup& b);

/// Two initialisations on the same data.
struct InitPair {
  std::string dataset;  ///< or the group, of a test of its means
  std::string labels;
  std::string first;
  std::string second;
  std::string metric;  ///< key
  metric::MannWhitney test{};
  std::size_t first_values = 0;  ///< runs, or means of a seed, in which the score is defined
  std::size_t second_values = 0;
  bool of_all_runs = true;
};

/// Means over the datasets of one group, of each seed that all of them have.
struct GroupMean {
  std::string group;
  std::string labels;
  std::string init;
  std::size_t datasets = 0;
  std::size_t seeds = 0;
  std::map<std::string, std::vector<double>> values{};  ///< by score, where all datasets have it

  std::string name() const;  ///< "perez (mean of 4)"
};

struct Comparison {
  std::vector<ComparedRun> runs;
  std::vector<RunGroup> groups;         ///< in the order of the runs
  std::vector<ComparedMetric> metrics;  ///< those that some run has
  std::vector<InitPair> tests;
  std::vector<ComparedMetric> curves{};  ///< to be shown over the steps
  std::vector<GroupMean> group_means{};  ///< of groups of several datasets
  std::vector<InitPair> group_tests{};   ///< of these means

  /// The defined values of one score in a group.
  std::vector<double> values(const RunGroup& group, const std::string& metric) const;
  /// The same of the weights after `step` steps. kValidationIou is a score there too.
  std::vector<double> values_after(const RunGroup& group, std::int64_t step,
                                   const std::string& metric) const;
  /// All steps after which some run of the group was validated, ascending.
  std::vector<std::int64_t> steps(const RunGroup& group) const;
  /// Those of `curves` that the groups have, and kValidationIou where some step was not scored.
  std::vector<ComparedMetric> curves_of(const std::vector<RunGroup>& some) const;
};

/// Groups the runs and tests each pair of initialisations within a dataset, or the means of a group
/// of them, and amount of labels. `curves`: keys of scores to show over the steps.
Comparison summarise(std::vector<ComparedRun> runs,
                     const std::vector<std::string>& curves = CompareOptions{}.curves);

/// What a reader of a dataset's scores must know, as scoring noted it.
struct DatasetNote {
  std::string dataset;
  std::string text;
  std::size_t runs = 0;  ///< that have it
};
/// Each once, in the order of the runs.
std::vector<DatasetNote> notes_of(const Comparison& comparison);

/// Why kValidationIou is shown of the groups; empty where it is not.
std::string note_of_unscored(const Comparison& comparison, const std::vector<RunGroup>& groups);

/// A table for people.
struct ReportTable {
  std::string title;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
  std::string note{};                                      ///< for its reader
  std::set<std::pair<std::size_t, std::size_t>> strong{};  ///< cells in bold: row, column
};
/// One table for each score, where there are several datasets: these, and the means of their
/// groups, by initialisation, with the best in bold.
std::vector<ReportTable> summary_tables(const Comparison& comparison);
/// The summaries, the significance of the means of groups, then of every dataset: scores (mean and
/// deviation), notes of them, scores after some steps, significance.
std::vector<ReportTable> tables_of(const Comparison& comparison);
std::string to_markdown(const std::vector<ReportTable>& tables);

/// One line for each run.
std::string to_csv(const Comparison& comparison);
/// One line for each run and step after which it was validated.
std::string curves_to_csv(const Comparison& comparison);
/// Keys runs, groups, group_means, tests, group_tests, notes.
Json to_json(const Comparison& comparison);

}  // namespace retina::pipeline
