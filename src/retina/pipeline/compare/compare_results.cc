#include "retina/pipeline/compare/compare_results.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <spdlog/logger.h>

#include "retina/core/clock.h"
#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/lock.h"
#include "retina/pipeline/compare/cell_status.h"
#include "retina/pipeline/compare/comparison.h"
#include "retina/pipeline/compare/comparison_page.h"
#include "retina/pipeline/finetune/held_out_slices.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// Predictions of finished cells; `numbers[run]` is the cell of a run. None, with a warning, of one
/// whose model or slices are gone: its scores are there.
PredictSlices predictor_of(const std::vector<Cell>& cells, std::vector<std::size_t> numbers,
                           const core::Context& context) {
  return [&cells, numbers = std::move(numbers), &context](std::size_t run,
                                                          const std::vector<std::size_t>& indices) {
    const Cell& cell = cells[numbers[run]];
    std::vector<SliceSample> samples;
    try {
      HeldOutSlices slices(cell.finetune, context);
      for (const std::size_t index : indices) {
        samples.push_back(slices.predicted(index));
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::bad_data && error.kind() != ErrorKind::usage) {
        throw;
      }
      context.log->warn("{}: the report has no pictures of it: {}", cell.name(), error.what());
      samples.clear();
    }
    return samples;
  };
}

/// Waits while another process writes it. A stop ends that, but not before processes that are
/// stopped together had time for their tables.
core::OutputLock lock_report(const fs::path& report, const core::Context& context) {
  constexpr double kLeast_s = 4;  // of the 10 in which a stop must end
  const core::Stopwatch watch;
  while (true) {
    if (std::optional<core::OutputLock> lock = core::OutputLock::attempt(report)) {
      return std::move(*lock);
    }
    if (watch.seconds() >= kLeast_s) {
      context.check_stop();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

}  // namespace

CompareReport write_results(const std::vector<Cell>& cells, const CompareOptions& options,
                            const core::Context& context) {
  const fs::path folder = options.output;
  const core::OutputLock lock = lock_report(folder / "report.html", context);
  std::vector<ComparedRun> runs;
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const Cell& cell = cells[i];
    CellStatus status = status_of(cell);
    if (status.result) {
      runs.push_back(
          {cell.dataset, cell.labels, cell.init, cell.seed, std::move(*status.result), cell.group});
      numbers.push_back(i);
    } else if (status.state == CellState::damaged) {
      context.log->warn("{}: left out of the report: {}", cell.name(), status.what_is_wrong);
    }
  }
  const Comparison comparison = summarise(std::move(runs), options.curves);
  CompareReport report{.cells = static_cast<std::int64_t>(cells.size()),
                       .finished = static_cast<std::int64_t>(comparison.runs.size()),
                       .report = (folder / "report.html").string(),
                       .text = to_markdown(tables_of(comparison)),
                       .results = to_json(comparison)};
  const auto write = [&](const char* name, const std::string& text) {
    core::write_atomically(folder / name, std::string_view(text));
  };
  write("results.json", core::dump_json(report.results, 1) + "\n");
  write("results.csv", to_csv(comparison));
  write("curves.csv", curves_to_csv(comparison));
  write("results.md", report.text);
  // a stop leaves no time for pictures, and takes none away
  if (!context.stop.stop_requested() || !fs::exists(report.report)) {
    write_comparison_page(
        report.report, comparison,
        options.pictures ? predictor_of(cells, std::move(numbers), context) : PredictSlices{});
  }
  return report;
}

void write_results_so_far(const std::vector<Cell>& cells, CompareOptions options,
                          const core::Context& context) {
  options.pictures = false;
  try {
    const CompareReport report = write_results(cells, options, context);
    context.log->info("{} of {} cells are finished: {}", report.finished, report.cells,
                      report.report);
  } catch (const std::exception& error) {
    context.log->warn("the tables of what is finished are not written: {}", error.what());
  }
}

}  // namespace retina::pipeline
