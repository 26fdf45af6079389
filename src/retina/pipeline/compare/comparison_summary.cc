#include <algorithm>
#include <iterator>
#include <optional>

#include <fmt/format.h>

#include "retina/pipeline/compare/comparison.h"
#include "retina/pipeline/compare/first_seen.h"
#include "retina/pipeline/compare/moments.h"

namespace retina::pipeline {
namespace {

struct SummaryCell {
  std::optional<Moments> moments;
  std::size_t runs = 0;  ///< seeds, whether the score is defined or not
};

/// One score on one dataset, or in the mean of several.
struct SummaryRow {
  std::string name;
  std::string labels;
  std::map<std::string, SummaryCell> cells;  ///< by initialisation

  bool is_defined() const {
    return std::any_of(cells.begin(), cells.end(),
                       [](const auto& cell) { return cell.second.moments.has_value(); });
  }
};

/// The row of this name and these labels, made if it is not there.
SummaryRow& row_of(std::vector<SummaryRow>& rows, const std::string& name,
                   const std::string& labels) {
  return found_or_added(
      rows, [&](const SummaryRow& row) { return row.name == name && row.labels == labels; },
      {.name = name, .labels = labels, .cells = {}});
}

void add_means(std::vector<SummaryRow>& rows, const Comparison& comparison,
               const std::string& group, const ComparedMetric& metric) {
  for (const GroupMean& mean : comparison.group_means) {
    if (mean.group != group) {
      continue;
    }
    const auto values = mean.values.find(metric.key);
    row_of(rows, mean.name(), mean.labels).cells[mean.init] = {
        .moments = values == mean.values.end() ? std::nullopt : moments(values->second),
        .runs = mean.seeds};
  }
}

/// The dataset that comes last among those of a group.
std::map<std::string, std::string> last_of_groups(const Comparison& comparison) {
  std::map<std::string, std::string> last;
  for (const ComparedRun& run : comparison.runs) {
    if (!run.group.empty()) {
      last[run.group] = run.dataset;
    }
  }
  return last;
}

/// Means of a group stand below its last dataset.
std::vector<SummaryRow> summary_rows(const Comparison& comparison, const ComparedMetric& metric) {
  const std::map<std::string, std::string> last = last_of_groups(comparison);
  std::vector<SummaryRow> rows;
  for (auto group = comparison.groups.begin(); group != comparison.groups.end(); ++group) {
    row_of(rows, group->dataset, group->labels).cells[group->init] = {
        .moments = moments(comparison.values(*group, metric.key)), .runs = group->runs.size()};
    const std::string& name = comparison.runs[group->runs.front()].group;
    const auto next = std::next(group);
    const bool ends_dataset = next == comparison.groups.end() || !have_same_dataset(*next, *group);
    if (ends_dataset && !name.empty() && last.at(name) == group->dataset) {
      add_means(rows, comparison, name, metric);
    }
  }
  std::erase_if(rows, [](const SummaryRow& row) { return !row.is_defined(); });
  return rows;
}

/// The best mean of a row; none where there is nothing to choose from.
std::optional<double> best_of(const SummaryRow& row, const ComparedMetric& metric) {
  std::vector<double> means;
  for (const auto& [init, cell] : row.cells) {
    if (cell.moments) {
      means.push_back(cell.moments->mean);
    }
  }
  if (means.size() < 2) {
    return std::nullopt;
  }
  return metric.lower_is_better ? *std::min_element(means.begin(), means.end())
                                : *std::max_element(means.begin(), means.end());
}

std::vector<std::string> init_names(const Comparison& comparison) {
  std::vector<std::string> names;
  for (const RunGroup& group : comparison.groups) {
    found_or_added(
        names, [&](const std::string& name) { return name == group.init; }, group.init);
  }
  return names;
}

ReportTable summary_table(const Comparison& comparison, const ComparedMetric& metric) {
  ReportTable table{
      .title = fmt::format("All datasets: {}, mean ± standard deviation over the seeds{}",
                           metric.title, metric.lower_is_better ? "; lower is better" : ""),
      .header = {"dataset", "labels"},
      .rows = {}};
  const std::vector<std::string> inits = init_names(comparison);
  table.header.insert(table.header.end(), inits.begin(), inits.end());
  for (const SummaryRow& row : summary_rows(comparison, metric)) {
    const std::optional<double> best = best_of(row, metric);
    std::vector<std::string> texts{row.name, row.labels};
    for (const std::string& init : inits) {
      const auto cell = row.cells.find(init);
      const std::optional<Moments> found =
          cell == row.cells.end() ? std::nullopt : cell->second.moments;
      if (found && best && found->mean == *best) {
        table.strong.emplace(table.rows.size(), texts.size());
      }
      texts.push_back(found ? to_text(found, metric.digits, cell->second.runs) : "-");
    }
    table.rows.push_back(std::move(texts));
  }
  return table;
}

bool has_several_datasets(const Comparison& comparison) {
  return std::any_of(comparison.groups.begin(), comparison.groups.end(), [&](const RunGroup& one) {
    return !have_same_dataset(one, comparison.groups.front());
  });
}

}  // namespace

std::vector<DatasetNote> notes_of(const Comparison& comparison) {
  std::vector<DatasetNote> notes;
  for (const ComparedRun& run : comparison.runs) {
    for (const std::string& text : run.result.notes) {
      DatasetNote& note = found_or_added(
          notes,
          [&](const DatasetNote& one) { return one.dataset == run.dataset && one.text == text; },
          {.dataset = run.dataset, .text = text});
      ++note.runs;
    }
  }
  return notes;
}

std::vector<ReportTable> summary_tables(const Comparison& comparison) {
  std::vector<ReportTable> tables;
  if (!has_several_datasets(comparison)) {
    return tables;
  }
  for (const ComparedMetric& metric : comparison.metrics) {
    ReportTable table = summary_table(comparison, metric);
    if (!table.rows.empty()) {
      tables.push_back(std::move(table));
    }
  }
  return tables;
}

}  // namespace retina::pipeline
