#include "retina/pipeline/prepare/prepare.h"

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/clock.h"
#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/lock.h"
#include "retina/core/replace_folder.h"
#include "retina/pipeline/prepare/prepare_config.h"
#include "retina/pipeline/prepare/prepare_downloads.h"
#include "retina/pipeline/prepare/prepare_plan.h"
#include "retina/pipeline/prepare/prepare_report.h"
#include "retina/pipeline/prepare/prepare_writer.h"
#include "retina/store/location.h"
#include "retina/store/output.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

/// --overwrite replaces data sets and empty folders, not whatever else a path may name.
void require_replaceable(const fs::path& place) {
  const bool is_free =
      !fs::exists(fs::symlink_status(place)) ||
      (fs::is_directory(place) && (fs::is_empty(place) || fs::exists(place / kPreparedRecord)));
  if (!is_free) {
    throw Error(ErrorKind::usage,
                Problem{.subject = fmt::format("output '{}'", place.string()),
                        .found = fmt::format("no {} in it", kPreparedRecord),
                        .expected = "a prepared data set, to be replaced",
                        .remedy = "choose another output, or remove it yourself"});
  }
}

void require_place(const PrepareOptions& options, const fs::path& place) {
  for (const std::string& download : options.downloads) {
    store::refuse_replacing_input(download, options.output);
  }
  store::CreateOptions how;
  how.overwrite = options.overwrite;
  store::refuse_existing(place, how);
  require_replaceable(place);
}

/// What looks odd in what was written.
std::vector<std::string> findings_of(const std::vector<PreparedFolder>& folders) {
  std::vector<std::string> notes;
  for (const PreparedFolder& folder : folders) {
    if (folder.overlaps > 0) {
      notes.push_back(fmt::format("{}: {} pixels are in two label files; the later counts",
                                  folder.folder, folder.overlaps));
    }
    if (folder.class_pixels.size() == 1) {
      notes.push_back(fmt::format("{}: every pixel is of class {}", folder.folder,
                                  folder.class_pixels.begin()->first));
    }
  }
  return notes;
}

/// Fills a folder aside and puts it in place; leaves nothing behind if that fails.
PrepareReport write_dataset(const PreparePlan& plan, const PrepareOptions& options,
                            const fs::path& place, PrepareReport report,
                            const core::Context& context) {
  const core::Stopwatch watch;
  const fs::path aside = core::partial_path(place);
  store::prepare_partial_folder(aside, {});
  try {
    report.folders = write_planned(
        plan, {.root = aside, .unknown = options.unknown, .threads = options.threads}, context);
    for (const std::string& note : findings_of(report.folders)) {
      context.log->warn(note);
      report.notes.push_back(note);
    }
    const std::string config = prepared_yaml(*plan.recipe, place, options.unknown);
    core::write_atomically(aside / prepared_config_name(*plan.recipe), std::string_view(config));
    report.seconds = watch.seconds();
    const std::string record = core::dump_json(prepared_record(report, *plan.recipe), 2);
    core::write_atomically(aside / kPreparedRecord, std::string_view(record));
    core::rename_into_place(aside, place);
    return report;
  } catch (...) {
    std::error_code ignored;  // the first error is the one to tell; the next run cleans up too
    fs::remove_all(aside, ignored);
    throw;
  }
}

}  // namespace

std::vector<Problem> PrepareOptions::validate() const {
  std::vector<Problem> problems;
  if (list) {
    return problems;
  }
  if (dataset.empty()) {
    problems.push_back({.subject = "dataset",
                        .found = "nothing",
                        .expected = "a name of the table",
                        .remedy = "retina prepare --list shows it"});
  }
  if (downloads.empty()) {
    problems.push_back({.subject = "downloads",
                        .found = "nothing",
                        .expected = "the files of the data set, or a folder of them",
                        .remedy = "retina prepare --list says where to get them"});
  }
  if (output.empty()) {
    problems.push_back({.subject = "output",
                        .found = "nothing",
                        .expected = "a folder",
                        .remedy = "give one with -o"});
  }
  if (threads < 0) {
    problems.push_back({.subject = "threads",
                        .found = std::to_string(threads),
                        .expected = "0 (all cores) or more"});
  }
  return problems;
}

PrepareReport prepare(const PrepareOptions& options, const core::Context& context) {
  PrepareReport report{
      .dataset = options.dataset, .output = {}, .config = {}, .folders = {}, .notes = {}};
  if (options.list) {
    report.list = list_recipes();
    return report;
  }
  throw_if_any(ErrorKind::usage, "prepare: the options have problems", options.validate());
  const DatasetRecipe& recipe = find_recipe(options.dataset);
  const fs::path place =
      fs::absolute(store::parse_location(options.output).file).lexically_normal();
  std::optional<core::OutputLock> lock;
  if (!options.dry_run) {
    lock.emplace(place);
    core::recover_replaced(place);
  }
  require_place(options, place);
  const PreparePlan plan = plan_preparation(recipe, options.downloads, place);
  for (const std::string& note : plan.notes) {
    context.log->warn(note);
  }
  report.output = place.string();
  report.config = (place / prepared_config_name(recipe)).string();
  report.folders = planned_folders(plan);
  report.images = plan.images();
  report.notes = plan.notes;
  report.dry_run = options.dry_run;
  return options.dry_run ? report : write_dataset(plan, options, place, report, context);
}

}  // namespace retina::pipeline
