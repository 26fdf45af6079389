#include "retina/pipeline/run/run_folder.h"

#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include <spdlog/logger.h>
#include <spdlog/sinks/basic_file_sink.h>

#include "retina/core/durable.h"
#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/replace_folder.h"
#include "retina/pipeline/own_yaml.h"
#include "retina/trainer/checkpoint.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// Many a folder holds a config.yaml: a run has ours, and what training leaves.
bool is_run(const fs::path& folder) {
  const fs::path config = run_config_path(folder);
  const bool was_trained =
      fs::exists(folder / "metrics.jsonl") || fs::is_directory(folder / "checkpoints");
  if (!was_trained || !fs::exists(config)) {
    return false;
  }
  try {
    return parse_own_yaml(core::read_text(config), config.string()).contains("version");
  } catch (const Error&) {
    return false;
  }
}

/// A kill before the first step left a run without a checkpoint in the place of the one that it was
/// to replace: the latter comes back.
void put_back_replaced(const fs::path& run) {
  const fs::path old = core::replaced_path(run);
  if (fs::exists(old) && trainer::checkpoint_steps(run / "checkpoints").empty()) {
    const fs::path aside = core::partial_path(run);  // where unfinished runs are looked for
    core::discard(aside);
    fs::rename(run, aside);
    fs::rename(old, run);
  }
}

/// "out/" is "out": the folder is renamed, so that its name must be the last part.
fs::path without_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

fs::path run_config_path(const fs::path& run) {
  return run / "config.yaml";
}

void require_free_run(const fs::path& run, RunStart start) {
  if (!fs::exists(run) || fs::is_empty(run) || start == RunStart::resume) {
    return;
  }
  if (start == RunStart::fresh) {
    throw Error(ErrorKind::usage, Problem{.subject = run.string(),
                                          .found = "exists",
                                          .expected = "a new run folder",
                                          .remedy = "give --resume or --overwrite"});
  }
  if (!is_run(run)) {
    throw Error(ErrorKind::usage, Problem{.subject = run.string(),
                                          .found = "a folder that is not a run",
                                          .expected = "a run to overwrite",
                                          .remedy = "choose another output"});
  }
}

void recover_run(const fs::path& run) {
  if (!fs::exists(run)) {
    core::recover_replaced(run);
  }
  core::recover_replaced(run / "model");
}

RunFolder::RunFolder(const fs::path& run, RunStart start)
    : run_(without_slash(run)),
      aside_(core::partial_path(run_)),
      placed_(start == RunStart::resume || start == RunStart::follow),
      kept_(placed_) {
  if (start == RunStart::follow) {
    return;
  }
  recover_run(run_);
  if (start != RunStart::resume) {
    put_back_replaced(run_);
  }
  require_free_run(run_, start);
  if (!placed_) {
    core::discard(aside_);
  }
  fs::create_directories(checkpoints());
  core::remove_leftovers(path());
}

RunFolder::~RunFolder() {
  if (established_ || kept_) {
    return;
  }
  std::error_code ignored;  // an error is on its way already; this is the best that can be done
  fs::remove_all(path(), ignored);
  const fs::path old = core::replaced_path(run_);
  if (placed_ && fs::exists(old, ignored)) {
    fs::rename(old, run_, ignored);
  }
}

void RunFolder::write_config(const Json& config) const {
  core::write_atomically(run_config_path(path()), std::string_view(to_yaml(config)));
}

core::Context RunFolder::with_log_file(const core::Context& context) const {
  core::Context out = context;
  std::vector<spdlog::sink_ptr> sinks = context.log->sinks();
  sinks.push_back(
      std::make_shared<spdlog::sinks::basic_file_sink_mt>((path() / "log.txt").string()));
  out.log = std::make_shared<spdlog::logger>(context.log->name(), sinks.begin(), sinks.end());
  out.log->set_level(context.log->level());
  out.log->flush_on(spdlog::level::info);
  return out;
}

void RunFolder::place() {
  if (placed_) {
    return;
  }
  if (fs::exists(run_)) {
    const fs::path old = core::replaced_path(run_);
    core::discard(old);
    fs::rename(run_, old);
  }
  core::rename_into_place(aside_, run_);
  placed_ = true;
}

void RunFolder::establish() {
  if (established_) {
    return;
  }
  established_ = true;
  core::discard(core::replaced_path(run_));
}

}  // namespace retina::pipeline
