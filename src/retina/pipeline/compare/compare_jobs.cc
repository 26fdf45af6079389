#include "retina/pipeline/compare/compare_jobs.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <torch/cuda.h>

#include "retina/core/clock.h"
#include "retina/core/lock.h"
#include "retina/core/resource_limits.h"
#include "retina/pipeline/own_copies.h"

namespace retina::pipeline {
namespace {

constexpr double kLookEvery_s = 1;

bool leaves_the_choice(const std::string& device) {
  return device == "auto" || device == "cuda";
}

/// A number that a launcher gave a process.
std::optional<int> launcher_number(const std::optional<std::string>& text) {
  if (!text) {
    return std::nullopt;
  }
  int number = 0;
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, number);
  const bool is_number = parsed.ec == std::errc{} && parsed.ptr == end && number >= 0;
  return is_number ? std::optional(number) : std::nullopt;
}

std::vector<OwnCopy> copies_of(const CompareOptions& options, const core::Context& context) {
  SharedMachine machine = this_machine();
  const int given = threads_in_launcher(0, trainer::process_environment(), machine.cores);
  machine.cores = given > 0 ? given : machine.cores;
  std::vector<OwnCopy> copies;
  for (std::vector<std::string>& arguments : job_arguments(options, machine)) {
    copies.push_back({.arguments = std::move(arguments),
                      .log = std::filesystem::path(options.output) /
                             fmt::format("job{}.log", copies.size() + 1)});
    context.log->info("job {}: see {}", copies.size(), copies.back().log.string());
  }
  return copies;
}

/// Divides what the jobs say from what those of an earlier start said.
void tell_start(const std::vector<OwnCopy>& copies, const std::string& text) {
  for (const OwnCopy& copy : copies) {
    std::ofstream(copy.log, std::ios::app) << text << '\n';
  }
}

}  // namespace

SharedMachine this_machine() {
  return {.gpus = static_cast<int>(torch::cuda::device_count()), .cores = core::usable_cores()};
}

std::vector<std::vector<std::string>> job_arguments(const CompareOptions& options,
                                                    const SharedMachine& machine) {
  const int gpus = leaves_the_choice(options.device) ? machine.gpus : 0;
  const int count = options.jobs == 0 ? std::max(1, gpus) : options.jobs;
  std::vector<std::vector<std::string>> jobs;
  for (int i = 0; i < count && count > 1; ++i) {
    std::vector<std::string> arguments{"--jobs",         "1",       "--set",
                                       "pictures=false", "--start", options.start};
    if (options.threads == 0) {
      arguments.insert(arguments.end(),
                       {"--threads", std::to_string(std::max(1, machine.cores / count))});
    }
    if (gpus > 1) {
      arguments.insert(arguments.end(), {"--device", fmt::format("cuda:{}", i % gpus)});
    }
    jobs.push_back(std::move(arguments));
  }
  return jobs;
}

std::string device_in_launcher(const std::string& device, const trainer::Environment& environment,
                               int gpus) {
  if (gpus < 2 || !leaves_the_choice(device)) {
    return device;
  }
  for (const char* name : {"LOCAL_RANK", "SLURM_LOCALID"}) {
    if (const std::optional<int> number = launcher_number(environment(name))) {
      return fmt::format("cuda:{}", *number % gpus);
    }
  }
  return device;
}

int threads_in_launcher(int threads, const trainer::Environment& environment, int cores) {
  const int of_task = launcher_number(environment("SLURM_CPUS_PER_TASK")).value_or(0);
  const int processes = std::max(1, launcher_number(environment("LOCAL_WORLD_SIZE")).value_or(1));
  if (threads > 0 || (of_task == 0 && processes == 1)) {
    return threads;
  }
  return std::max(1, (of_task > 0 ? std::min(of_task, cores) : cores) / processes);
}

void warn_of_missing_locks(const CompareOptions& options, const core::Context& context) {
  if (!options.only.empty() && options.jobs == 1) {
    return;  // --jobs gives all its processes one share
  }
  const std::filesystem::path report = std::filesystem::path(options.output) / "report.html";
  const std::optional<core::OutputLock> lock = core::OutputLock::attempt(report);
  if (lock && !lock->is_held()) {
    context.log->warn(
        "the file system of '{}' knows no locks: processes that work on it at the same time train "
        "the same cells, unless each has its share: --only K/N, without --jobs",
        options.output);
  }
}

CompletedCells work_in_jobs(const CompareOptions& options, const std::vector<Cell>& cells,
                            const core::Context& context) {
  const GridWatch grid(cells, parse_share(options.only));
  if (grid.missing() == 0) {
    return {};
  }
  const std::vector<OwnCopy> copies = copies_of(options, context);
  if (copies.empty()) {
    return {};
  }
  std::filesystem::create_directories(options.output);
  tell_start(copies, fmt::format("start {}: {}", options.start, grid.text()));
  context.progress->begin("comparison", grid.missing(), "cells");
  core::Stopwatch since_look;
  const auto look = [&] {
    if (since_look.seconds() >= kLookEvery_s) {
      context.progress->update(grid.finished(), grid.text());
      since_look = core::Stopwatch();
    }
  };
  const std::vector<std::string> ends = run_own_copies(copies, context, look);
  context.progress->update(grid.finished(), grid.text());
  context.progress->end();
  for (std::size_t i = 0; i < ends.size(); ++i) {
    if (!ends[i].empty()) {
      context.log->warn("job {} ended with {}: see {}", i + 1, ends[i], copies[i].log.string());
    }
  }
  return grid.completed();
}

}  // namespace retina::pipeline
