#include "retina/pipeline/run/run_config.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/net/network.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/finetune/published_config.h"
#include "retina/pipeline/models/initial_weights.h"
#include "retina/pipeline/run/preset_recipe.h"
#include "retina/pipeline/run/run_folder.h"
#include "retina/report/metrics_log.h"
#include "retina/trainer/checkpoint.h"

namespace retina::pipeline {
namespace {

constexpr const char* kChangeableOnResume[] = {
    "epochs", "checkpoint_epochs", "checkpoint_minutes", "pictures_every", "output",
    "resume", "dry_run",           "extend_to",          "max_seconds",    "steps",
    "device", "threads",           "patience",           "log_every",      "checkpoint_every",
    "keep",   "validation.every"};

/// Keys of the configurations of one verb alone.
constexpr std::pair<const char*, const char*> kKeysOfVerbs[] = {{"classes", "finetune"},
                                                                {"ghost_statistics", "pretrain"}};

/// Time limit of a run that leaves out regions, where nothing else says how long it is.
constexpr double kLeaveOneOutSeconds = 300;

Json translate(const Json& given, const core::Context& context) {
  if (!is_published_config(given)) {
    return given;
  }
  // Flags of ours may lie over the authors' keys; they are told apart by name.
  const Json ours = core::options_to_json(FinetuneOptions{});
  Json theirs = Json::object();
  Json own = Json::object();
  for (const auto& [key, value] : given.items()) {
    const bool is_theirs = !ours.contains(key) || (key == "resume" && !value.is_boolean());
    (is_theirs ? theirs : own)[key] = value;
  }
  if (own.contains("classes")) {
    theirs.erase("class_names");
    theirs.erase("num_classes");
  }
  PublishedConfig published = from_published_config(theirs);
  for (const std::string& warning : published.warnings) {
    context.log->warn("{}", warning);
  }
  return core::merge(std::move(published.config), own);
}

std::string text_at(const Json& given, const char* key, const std::string& otherwise) {
  std::string text = otherwise;
  if (given.contains(key)) {
    core::from_json_value(text, given[key], key);
  }
  return text;
}

/// The recipe to start from weights: that of the preset they were made with, unless another is
/// named, for the network that they fit.
Json recipe_for_weights(const Json& given, const std::string& init, int channels,
                        const core::Context& context) {
  const InitialWeights weights = read_initial_weights(init);
  const std::string preset = preset_after(weights, given);
  Json recipe = preset_recipe(preset, channels);
  recipe["preset"] = preset;
  recipe["network"] = fitted_network(weights, recipe["network"], given, context);
  recipe["augment"]["size"] = recipe["network"]["window"];
  return recipe;
}

Json with_recipe(const Json& given, const core::Context& context) {
  require_tables(given, {"network", "augment"});
  FinetuneOptions classes;
  if (given.contains("classes")) {
    core::from_json_value(classes.classes, given["classes"], "classes");
  }
  const std::string init = text_at(given, "init", "");
  const bool window_given = given.contains("network") && given["network"].contains("window");
  const Json recipe =
      init.empty() ? preset_recipe(text_at(given, "preset", classes.preset), classes.channels())
                   : recipe_for_weights(given, init, classes.channels(), context);
  Json config = core::merge(recipe, given);
  const bool size_given = given.contains("augment") && given["augment"].contains("size");
  if (window_given && !size_given) {
    config["augment"]["size"] = config["network"]["window"];
  }
  const Json limit = given.value("max_seconds", Json(0));
  if (limit.is_number() && limit.get<double>() > 0 && !given.contains("steps")) {
    config["steps"] = 0;  // time alone decides
  }
  if (given.value("leave_one_region_out", Json(false)) == Json(true) && !given.contains("steps") &&
      !given.contains("max_seconds")) {
    config["max_seconds"] = kLeaveOneOutSeconds;
    config["steps"] = 0;
  }
  return config;
}

/// Dotted names of the leaves of `given` that differ from `run`.
void list_changes(const Json& given, const Json& run, const std::string& prefix,
                  std::vector<std::string>& changes) {
  for (const auto& [key, value] : given.items()) {
    const std::string name = prefix + key;
    const Json* old = run.is_object() && run.contains(key) ? &run[key] : nullptr;
    if (value.is_object() && old != nullptr) {
      list_changes(value, *old, name + ".", changes);
    } else if (old == nullptr || *old != value) {
      changes.push_back(name);
    }
  }
}

/// Without what leaves a decision to the run, and with the short form of what is frozen where a run
/// keeps it.
Json without_open(Json given) {
  require_tables(given, {"optimizer"});
  if (given.value("transfer", Json()) == Json("automatic")) {
    given.erase("transfer");
  }
  for (const char* key : {"mean", "std"}) {
    if (given.contains("normalisation") && given["normalisation"].is_object() &&
        given["normalisation"].value(key, Json()).is_null()) {
      given["normalisation"].erase(key);
    }
  }
  std::vector<std::string> frozen;
  if (given.contains("freeze")) {
    core::from_json_value(frozen, given["freeze"], "freeze");
  }
  if (frozen == std::vector<std::string>{"none"}) {
    given["optimizer"]["freeze"] = Json::array();
    return given;
  }
  given.erase("freeze");
  if (!frozen.empty()) {
    given["optimizer"]["freeze"] = frozen;
  } else if (given.contains("optimizer") && given["optimizer"].is_object() &&
             given["optimizer"].value("freeze", Json()) == Json::array()) {
    given["optimizer"].erase("freeze");
  }
  return given;
}

void refuse_changes(const Json& config, const Json& run) {
  std::vector<std::string> changes;
  list_changes(config, run, "", changes);
  std::vector<Problem> problems;
  for (const std::string& name : changes) {
    if (std::find(std::begin(kChangeableOnResume), std::end(kChangeableOnResume), name) ==
        std::end(kChangeableOnResume)) {
      problems.push_back(
          {name, "another value than the run's", "the same", "leave it out, or start a new run"});
    }
  }
  throw_if_any(ErrorKind::usage, "a resumed run keeps its configuration", problems);
}

/// The stored configuration of another verb than that of `complete` would be told key by key.
void refuse_other_verb(const Json& stored, const std::function<Json(const Json&)>& complete,
                       const std::string& folder) {
  const Json own = complete(Json::object());
  for (const auto& [key, verb] : kKeysOfVerbs) {
    if (stored.contains(key) && !own.contains(key)) {
      throw Error(
          ErrorKind::usage,
          Problem{.subject = folder,
                  .found = fmt::format("a run of retina {}", verb),
                  .expected = "a run of this verb",
                  .remedy = fmt::format("go on with it: retina {} --resume -o {}", verb, folder)});
    }
  }
}

/// Steps that were logged but left no checkpoint are taken again, which nobody who resumes expects.
void warn_of_lost_steps(const std::filesystem::path& folder, const core::Context& context) {
  if (!trainer::checkpoint_steps(folder / "checkpoints").empty()) {
    return;
  }
  const std::vector<Json> lines = report::read_metrics(folder / "metrics.jsonl");
  if (!lines.empty()) {
    context.log->warn(
        "{}: no checkpoint in it, although metrics.jsonl goes to step {}: the run begins anew",
        (folder / "checkpoints").string(), lines.back().at("step").get<std::int64_t>());
  }
}

/// A run is not made longer by steps where they are done already, or where time ended it.
void refuse_vain_extension(std::int64_t steps, const Json& config, const Json& run,
                           const std::filesystem::path& folder) {
  const std::vector<std::int64_t> saved = trainer::checkpoint_steps(folder / "checkpoints");
  const std::int64_t done = saved.empty() ? 0 : saved.back();
  const auto run_steps = run.at("steps").get<std::int64_t>();
  const auto limit = config.at("max_seconds").get<double>();
  const bool ended_by_steps = run_steps > 0 && done >= run_steps;
  std::vector<Problem> problems;
  if (steps < done) {
    problems.push_back(
        {"extend_to", std::to_string(steps), fmt::format("more than the {} steps done", done), ""});
  }
  if (limit > 0 && limit == run.at("max_seconds").get<double>() && !ended_by_steps) {
    problems.push_back({"extend_to", fmt::format("a run that ends after {} seconds", limit),
                        "another limit", "give --max-seconds too: more, or 0 for no limit"});
  }
  throw_if_any(ErrorKind::usage, "the run would not be extended", problems);
}

}  // namespace

void require_tables(const Json& given, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (given.contains(key)) {
      Json table;
      core::from_json_value(table, given[key], key);
    }
  }
}

Json resumed_config(const Json& given, const std::function<Json(const Json&)>& complete,
                    const core::Context& context) {
  const Json changes = without_open(without_version(given, "configuration"));
  if (changes.value("overwrite", Json(false)) == Json(true)) {
    throw Error(ErrorKind::usage, Problem{.subject = "overwrite",
                                          .found = "together with resume",
                                          .expected = "one of them",
                                          .remedy = {}});
  }
  const std::string folder = text_at(changes, "output", "");
  if (changes.value("dry_run", Json(false)) != Json(true)) {  // which writes nothing
    recover_run(folder);
  }
  const std::filesystem::path path = run_config_path(folder);
  if (!std::filesystem::exists(path)) {
    throw Error(ErrorKind::bad_data, Problem{.subject = path.string(),
                                             .found = "no run to resume",
                                             .expected = "the configuration of a run",
                                             .remedy = "start it without --resume"});
  }
  const Json stored = parse_run_config(core::read_text(path), path.string());
  refuse_other_verb(stored, complete, folder);
  const Json run = complete(stored);
  Json config = complete(core::merge(run, changes));
  refuse_changes(config, run);
  if (const auto steps = config.at("extend_to").get<std::int64_t>(); steps > 0) {
    refuse_vain_extension(steps, config, run, folder);
    config["steps"] = steps;
  }
  warn_of_lost_steps(folder, context);
  config["overwrite"] = false;
  return config;
}

Json resolve_finetune(const Json& given, const core::Context& context) {
  const Json own = translate(without_version(given, "configuration"), context);
  if (given.value("resume", Json(false)) == Json(true)) {
    return resumed_config(own, completed<FinetuneOptions>, context);
  }
  return with_recipe(own, context);
}

}  // namespace retina::pipeline
