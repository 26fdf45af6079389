#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/pipeline/compare/comparison.h"
#include "retina/pipeline/compare/first_seen.h"
#include "retina/pipeline/compare/moments.h"

namespace retina::pipeline {
namespace {

/// More columns of steps than a page holds are thinned.
constexpr std::size_t kMostSteps = 10;
/// Notes with counts in them may be as many as there are runs.
constexpr std::size_t kMostNotes = 10;

std::optional<Moments> time_of_steps(const Comparison& comparison, const RunGroup& group) {
  std::vector<double> seconds;
  for (const std::size_t run : group.runs) {
    if (const auto& time = comparison.runs[run].result.seconds_per_step) {
      seconds.push_back(*time);
    }
  }
  return moments(seconds);
}

/// The number of runs, with their arithmetic and the steps at which they ended where these are not
/// the same in all of them.
std::string runs_of(const Comparison& comparison, const RunGroup& group) {
  std::map<std::string, std::size_t> precisions;
  std::set<std::int64_t> steps;
  for (const std::size_t run : group.runs) {
    const CellResult& result = comparison.runs[run].result;
    ++precisions[result.precision.empty() ? "not recorded" : result.precision];
    steps.insert(result.steps);
  }
  std::vector<std::string> notes;
  if (precisions.size() > 1) {
    std::vector<std::string> parts;
    for (const auto& [precision, count] : precisions) {
      parts.push_back(fmt::format("{} {}", count, precision));
    }
    notes.push_back(fmt::format("{}", fmt::join(parts, ", ")));
  }
  if (steps.size() > 1) {
    notes.push_back(fmt::format("steps {} to {}", *steps.begin(), *steps.rbegin()));
  }
  return std::to_string(group.runs.size()) +
         (notes.empty() ? "" : fmt::format(" ({})", fmt::join(notes, "; ")));
}

ReportTable score_table(const Comparison& comparison, const std::vector<RunGroup>& groups) {
  ReportTable table{.title = groups.front().dataset + ": mean ± standard deviation over the seeds",
                    .header = {"labels", "init", "runs"},
                    .rows = {}};
  for (const ComparedMetric& metric : comparison.metrics) {
    table.header.emplace_back(metric.title);
  }
  table.header.emplace_back("s per step");
  for (const RunGroup& group : groups) {
    std::vector<std::string> row{group.labels, group.init, runs_of(comparison, group)};
    for (const ComparedMetric& metric : comparison.metrics) {
      row.push_back(
          to_text(moments(comparison.values(group, metric.key)), metric.digits, group.runs.size()));
    }
    row.push_back(to_text(time_of_steps(comparison, group), 3));
    table.rows.push_back(std::move(row));
  }
  return table;
}

ReportTable note_table(const Comparison& comparison, const std::vector<RunGroup>& groups) {
  const std::string& dataset = groups.front().dataset;
  ReportTable table{
      .title = dataset + ": notes of the scores", .header = {"runs", "note"}, .rows = {}};
  std::size_t runs = 0;
  for (const RunGroup& group : groups) {
    runs += group.runs.size();
  }
  std::size_t left_out = 0;
  for (const DatasetNote& note : notes_of(comparison)) {
    if (note.dataset != dataset) {
      continue;
    }
    if (table.rows.size() < kMostNotes) {
      table.rows.push_back({fmt::format("{} of {}", note.runs, runs), note.text});
    } else {
      ++left_out;
    }
  }
  if (left_out > 0) {
    table.rows.push_back({"-", fmt::format("... and {} more, in results.json", left_out)});
  }
  return table;
}

/// The steps that have columns: all, or some at even distances with the last.
std::vector<std::int64_t> shown_steps(const Comparison& comparison,
                                      const std::vector<RunGroup>& groups) {
  std::set<std::int64_t> all;
  for (const RunGroup& group : groups) {
    for (const std::int64_t step : comparison.steps(group)) {
      all.insert(step);
    }
  }
  const std::vector<std::int64_t> steps(all.begin(), all.end());
  if (steps.size() <= kMostSteps) {
    return steps;
  }
  std::vector<std::int64_t> shown;
  for (std::size_t i = 1; i <= kMostSteps; ++i) {
    shown.push_back(steps[i * steps.size() / kMostSteps - 1]);
  }
  return shown;
}

ReportTable step_table(const Comparison& comparison, const std::vector<RunGroup>& groups,
                       const ComparedMetric& metric) {
  ReportTable table{
      .title = fmt::format("{}: {} after training steps", groups.front().dataset, metric.title),
      .header = {"labels", "init"},
      .rows = {}};
  if (metric.key == std::string(kValidationIou.key)) {
    table.note = note_of_unscored(comparison, groups);
  }
  const std::vector<std::int64_t> steps = shown_steps(comparison, groups);
  for (const std::int64_t step : steps) {
    table.header.push_back(std::to_string(step));
  }
  for (const RunGroup& group : groups) {
    std::vector<std::string> row{group.labels, group.init};
    for (const std::int64_t step : steps) {
      row.push_back(to_text(moments(comparison.values_after(group, step, metric.key)),
                            metric.digits, group.runs.size()));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

/// With the numbers of values where a score is undefined in some runs.
std::string significance(const InitPair& pair) {
  const double p = pair.test.p;
  return fmt::format(
      "{:.4f}{}{}", p,
      p < 0.01   ? " **"
      : p < 0.05 ? " *"
                 : "",
      pair.of_all_runs ? "" : fmt::format(" (n = {}, {})", pair.first_values, pair.second_values));
}

/// A row for each pair of initialisations, a column for each score: those of the `tests` that are
/// of `dataset`, which people know as `name`. The tests of a pair lie side by side.
ReportTable test_table(const Comparison& comparison, const std::vector<InitPair>& tests,
                       const std::string& dataset, const std::string& name) {
  ReportTable table{.title = name + ": two-sided Mann-Whitney p (* < 0.05, ** < 0.01)",
                    .header = {"labels", "pair"},
                    .rows = {}};
  for (const ComparedMetric& metric : comparison.metrics) {
    table.header.emplace_back(metric.title);
  }
  for (const InitPair& pair : tests) {
    if (pair.dataset != dataset) {
      continue;
    }
    const std::string names = pair.first + " / " + pair.second;
    const bool same =
        !table.rows.empty() && table.rows.back()[0] == pair.labels && table.rows.back()[1] == names;
    if (!same) {
      table.rows.push_back({pair.labels, names});
      table.rows.back().resize(table.header.size(), "-");
    }
    const auto column = std::find_if(comparison.metrics.begin(), comparison.metrics.end(),
                                     [&](const auto& metric) { return metric.key == pair.metric; });
    table.rows.back()[2 + static_cast<std::size_t>(column - comparison.metrics.begin())] =
        significance(pair);
  }
  return table;
}

void add_unless_empty(std::vector<ReportTable>& tables, ReportTable table) {
  if (!table.rows.empty()) {
    tables.push_back(std::move(table));
  }
}

/// Characters, where each is one column wide; bytes that go on a character of UTF-8 count nothing.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

/// With bold cells as Markdown has them.
std::vector<std::vector<std::string>> marked_rows(const ReportTable& table) {
  std::vector<std::vector<std::string>> rows = table.rows;
  for (const auto& [row, column] : table.strong) {
    rows[row][column] = "**" + rows[row][column] + "**";
  }
  return rows;
}

std::string markdown_line(const std::vector<std::string>& cells,
                          const std::vector<std::size_t>& widths) {
  std::string line = "|";
  for (std::size_t c = 0; c < cells.size(); ++c) {
    line += " " + cells[c] + std::string(widths[c] - width_of(cells[c]), ' ') + " |";
  }
  return line + "\n";
}

}  // namespace

std::vector<ReportTable> tables_of(const Comparison& comparison) {
  std::vector<ReportTable> tables = summary_tables(comparison);
  const auto have_same_group = [](const GroupMean& a, const GroupMean& b) {
    return a.group == b.group;
  };
  for (const std::vector<GroupMean>& means : together(comparison.group_means, have_same_group)) {
    const GroupMean& one = means.front();
    add_unless_empty(tables, test_table(comparison, comparison.group_tests, one.group, one.name()));
  }
  for (const std::vector<RunGroup>& groups : together(comparison.groups, have_same_dataset)) {
    tables.push_back(score_table(comparison, groups));
    add_unless_empty(tables, note_table(comparison, groups));
    for (const ComparedMetric& metric : comparison.curves_of(groups)) {
      tables.push_back(step_table(comparison, groups, metric));
    }
    const std::string& dataset = groups.front().dataset;
    add_unless_empty(tables, test_table(comparison, comparison.tests, dataset, dataset));
  }
  return tables;
}

std::string to_markdown(const std::vector<ReportTable>& tables) {
  std::string text;
  for (const ReportTable& table : tables) {
    const std::vector<std::vector<std::string>> rows = marked_rows(table);
    std::vector<std::size_t> widths;
    std::vector<std::string> rule;
    for (std::size_t c = 0; c < table.header.size(); ++c) {
      widths.push_back(std::max<std::size_t>(3, width_of(table.header[c])));
      for (const auto& row : rows) {
        widths.back() = std::max(widths.back(), width_of(row[c]));
      }
      rule.emplace_back(widths.back(), '-');
    }
    text += (text.empty() ? "" : "\n") + table.title + "\n\n" +
            (table.note.empty() ? "" : table.note + "\n\n") + markdown_line(table.header, widths) +
            markdown_line(rule, widths);
    for (const auto& row : rows) {
      text += markdown_line(row, widths);
    }
  }
  return text;
}

}  // namespace retina::pipeline
