#include "retina/pipeline/compare/compare.h"

#include <chrono>
#include <exception>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/logger.h>

#include "retina/core/clock.h"
#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/file_error.h"
#include "retina/core/json_text.h"
#include "retina/core/lock.h"
#include "retina/pipeline/compare/compare_cell.h"
#include "retina/pipeline/compare/compare_grid.h"
#include "retina/pipeline/compare/compare_jobs.h"
#include "retina/pipeline/compare/compare_progress.h"
#include "retina/pipeline/compare/comparison_folder.h"
#include "retina/pipeline/compare/comparison_page.h"
#include "retina/pipeline/finetune/held_out_slices.h"
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

/// Takes one cell after the other that is not finished and that nobody else holds.
class GridWorker {
 public:
  GridWorker(const std::vector<Cell>& cells, const CompareOptions& options,
             const core::Context& context)
      : cells_(cells),
        share_(parse_share(options.only)),
        work_{.overwrite = options.overwrite, .start = options.start},
        context_(context),
        grid_(cells, share_) {}

  /// Until a whole pass finds nothing to do: what others hold may be given up meanwhile.
  void run() {
    for (bool busy = true; busy;) {
      busy = false;
      for (std::size_t i = 0; i < cells_.size(); ++i) {
        if (share_.holds(i) && !taken_.contains(i) && take(i)) {
          taken_.insert(i);  // completed or failed: once is enough
          busy = true;
        }
      }
    }
  }

  const CompletedCells& completed() const { return completed_; }

  void throw_failures() const {
    std::vector<Problem> problems;
    for (const auto& [cell, error] : failures_) {
      const bool is_noted = fs::exists(cells_[cell].failure_file());
      problems.push_back({.subject = cells_[cell].name(),
                          .found = error.what(),
                          .expected = {},
                          .remedy = is_noted ? "compare --overwrite trains it anew" : ""});
    }
    if (!failures_.empty()) {
      throw_if_any(failures_.begin()->second.kind(), "cells failed; the others are in the report",
                   problems);
    }
  }

 private:
  /// False if there is nothing to do, or somebody else does it.
  bool take(std::size_t index) {
    context_.check_stop();
    try {
      return complete(index);
    } catch (const std::exception& exception) {
      const Error error = core::error_of(exception);
      if (error.kind() == ErrorKind::interrupted) {
        throw error;
      }
      fail(index, error);
    }
    return true;
  }

  bool complete(std::size_t index) {
    const Cell& cell = cells_[index];
    if (is_finished(cell)) {
      return false;
    }
    const std::optional<core::OutputLock> lock = core::OutputLock::attempt(cell.folder);
    if (!lock || is_finished(cell)) {
      return false;
    }
    if (const std::optional<Error> known = noted_failure(cell, work_.start, context_)) {
      fail(index, *known);
      return true;
    }
    const std::string place =
        fmt::format("cell {} of {}{}", index + 1, cells_.size(), grid_.time_left());
    context_.log->info("{}: {}", place, cell.name());
    core::Context inner = context_;
    inner.progress = with_note(context_.progress, place);
    completed_.trained += complete_cell(cell, work_, inner) ? 1 : 0;
    ++completed_.scored;
    return true;
  }

  void fail(std::size_t index, const Error& error) {
    context_.log->error("{}: {}", cells_[index].name(), error.what());
    failures_.emplace(index, error);
  }

  const std::vector<Cell>& cells_;
  CellShare share_;
  CellWork work_;
  const core::Context& context_;
  GridWatch grid_;
  std::set<std::size_t> taken_;
  std::map<std::size_t, Error> failures_;
  CompletedCells completed_;
};

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

/// Everything that the finished cells tell, at this moment.
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

/// Without pictures. The stop remains what is told.
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
