#include "retina/pipeline/compare/compare.h"

#include <cstdint>
#include <filesystem>
#include <random>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/core/options.h"
#include "retina/pipeline/compare/cell.h"
#include "retina/pipeline/compare/cell_status.h"
#include "retina/pipeline/compare/compare_grid.h"
#include "retina/pipeline/compare/compare_jobs.h"
#include "retina/pipeline/compare/compare_progress.h"
#include "retina/pipeline/compare/compare_results.h"
#include "retina/pipeline/compare/comparison.h"
#include "retina/pipeline/compare/comparison_folder.h"
#include "retina/pipeline/compare/grid_worker.h"
#include "retina/tensor/device.h"
#include "retina/trainer/rank_place.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// "stale (batch: 2, now 1)", "failed: no images": the state with the first line of what it is
/// about.
std::string told_state(const CellStatus& status) {
  std::string state = core::enum_name(status.state);
  if (!status.changes.empty()) {
    state += fmt::format(" ({})", fmt::join(status.changes, "; "));
  }
  if (status.state == CellState::damaged) {
    state += ": " + status.damaged_file.string();
  } else if (status.state == CellState::failed) {
    state += ": " + status.what_is_wrong.substr(0, status.what_is_wrong.find('\n'));
  }
  return state;
}

CompareReport dry_run(const std::vector<Cell>& cells) {
  CompareReport report{.cells = static_cast<std::int64_t>(cells.size())};
  ReportTable table{.title = fmt::format("{} cells", cells.size()),
                    .header = {"dataset", "labels", "init", "seed", "state"},
                    .rows = {}};
  for (const Cell& cell : cells) {
    const CellStatus status = status_of(cell);
    report.finished += status.state == CellState::finished ? 1 : 0;
    report.results["states"].push_back({{"dataset", cell.dataset},
                                        {"labels", cell.labels},
                                        {"init", cell.init},
                                        {"seed", cell.seed},
                                        {"state", core::enum_name(status.state)},
                                        {"changes", status.changes},
                                        {"reason", status.what_is_wrong},
                                        {"damaged", status.damaged_file.string()}});
    table.rows.push_back(
        {cell.dataset, cell.labels, cell.init, std::to_string(cell.seed), told_state(status)});
  }
  report.text = to_markdown({table});
  return report;
}

/// Steps that no run reaches are measured nowhere.
void warn_of_late_checkpoints(const CompareOptions& options, const std::vector<Cell>& cells,
                              const core::Context& context) {
  std::set<std::string> told;
  for (const Cell& cell : cells) {
    for (const std::int64_t step : options.checkpoints) {
      const std::int64_t steps = cell.finetune.steps;
      std::string text = fmt::format("checkpoints: {} is beyond the {} steps of {}, {}", step,
                                     steps, cell.dataset, cell.init);
      if (steps > 0 && step > steps && told.insert(text).second) {
        context.log->warn("{}", text);
      }
    }
  }
}

/// A stop comes through when the tables tell what is finished.
CompareReport work_and_report(GridWorker& worker, const std::vector<Cell>& cells,
                              const CompareOptions& options, const core::Context& context) {
  try {
    worker.run();
    return write_results(cells, options, context);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::interrupted) {
      write_results_so_far(cells, options, context);
    }
    throw;
  }
}

/// Differs from that of every other start; nothing that is computed depends on it.
std::string new_start() {
  std::random_device source;
  return fmt::format("{:08x}", source());
}

/// The share of this process where a launcher started it beside others.
CompareOptions in_launcher(CompareOptions options, const SharedMachine& machine) {
  const trainer::Environment environment = trainer::process_environment();
  options.device = device_in_launcher(options.device, environment, machine.gpus);
  options.threads = threads_in_launcher(options.threads, environment, machine.cores);
  return options;
}

}  // namespace

Json to_json(const CompareReport& report) {
  Json json = {{"cells", report.cells},
               {"finished", report.finished},
               {"trained", report.trained},
               {"scored", report.scored},
               {"report", report.report}};
  json.update(report.results);
  return json;
}

std::string to_text(const CompareReport& report) {
  return fmt::format("{}\n{} of {} cells are finished, {} trained now\n{}", report.text,
                     report.finished, report.cells, report.trained,
                     report.report.empty() ? "" : "report    " + report.report + "\n");
}

CompareReport compare(const CompareOptions& given, const core::Context& context) {
  CompareOptions started = given;  // as jobs are to know it
  started.start = given.start.empty() ? new_start() : given.start;
  const SharedMachine machine = this_machine();
  const CompareOptions options = in_launcher(started, machine);
  parse_share(options.only);  // what is wrong with it is told before the data are opened
  if (!options.dry_run || !options.device.starts_with("cuda")) {  // a plan needs no GPU
    tensor::choose_device(options.device);
  }
  refuse_foreign_folder(options.output);
  const std::vector<Cell> cells = expand_grid(options, context);
  warn_of_clocks(cells, context);
  warn_of_late_checkpoints(options, cells, context);
  if (options.dry_run) {
    return dry_run(cells);
  }
  if (machine.gpus > 1 && options.jobs == 1 && options.device == "auto" && options.only.empty()) {
    context.log->info("one of {} GPUs is used: --jobs 0 gives each one a process", machine.gpus);
  }
  if (!options.overwrite) {
    refuse_stale(cells);
  }
  fs::create_directories(fs::path(options.output) / "cells");  // what the folder is known by
  warn_of_missing_locks(options, context);
  const CompletedCells by_jobs =
      options.jobs == 1 ? CompletedCells{} : work_in_jobs(started, cells, context);
  GridWorker worker(cells, options, context);
  CompareReport report = work_and_report(worker, cells, options, context);
  report.trained = by_jobs.trained + worker.completed().trained;
  report.scored = by_jobs.scored + worker.completed().scored;
  worker.throw_failures();
  return report;
}

}  // namespace retina::pipeline
