#include "retina/pipeline/run_config.h"

#include <algorithm>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/error.h"
#include "retina/core/file.h"
#include "retina/pipeline/finetune_options.h"
#include "retina/pipeline/preset_recipe.h"
#include "retina/pipeline/published_config.h"

namespace retina::pipeline {
namespace {

constexpr const char* kChangeableOnResume[] = {
    "output", "resume",           "extend_to", "max_seconds", "steps",
    "device", "threads",          "patience",  "log_every",   "checkpoint_every",
    "keep",   "validation.every", "preset"};

/// Lays `top` over `base`, table by table.
void overlay(Json& base, const Json& top) {
  for (const auto& [key, value] : top.items()) {
    if (value.is_object() && base.contains(key) && base[key].is_object()) {
      overlay(base[key], value);
    } else {
      base[key] = value;
    }
  }
}

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
  PublishedConfig published = from_published_config(theirs);
  for (const std::string& warning : published.warnings) {
    context.log->warn("{}", warning);
  }
  overlay(published.config, own);
  return published.config;
}

Json with_recipe(const Json& given) {
  const FinetuneOptions defaults;
  const auto preset = given.value("preset", Json(defaults.preset));
  FinetuneOptions classes;
  if (given.contains("classes")) {
    core::from_json_value(classes.classes, given["classes"], "classes");
  }
  std::string name;
  core::from_json_value(name, preset, "preset");
  Json config = preset_recipe(name, classes.channels());
  const bool window_given = given.contains("network") && given["network"].contains("window");
  overlay(config, given);
  const bool size_given = given.contains("augment") && given["augment"].contains("size");
  if (window_given && !size_given) {
    config["augment"]["size"] = config["network"]["window"];
  }
  if (given.contains("max_seconds") && !given.contains("steps")) {
    config["steps"] = 0;  // time alone decides
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

Json resumed(const Json& given) {
  const std::filesystem::path path = run_config_path(given.value("output", std::string()));
  if (!std::filesystem::exists(path)) {
    throw Error(ErrorKind::bad_data, Problem{.subject = path.string(),
                                             .found = "no run to resume",
                                             .expected = "the configuration of a run",
                                             .remedy = "start it without --resume"});
  }
  Json config = parse_own_yaml(core::read_text(path), path.string());
  std::vector<std::string> changes;
  list_changes(given, config, "", changes);
  std::vector<Problem> problems;
  for (const std::string& name : changes) {
    if (std::find(std::begin(kChangeableOnResume), std::end(kChangeableOnResume), name) ==
        std::end(kChangeableOnResume)) {
      problems.push_back(
          {name, "another value than the run's", "the same", "leave it out, or start a new run"});
    }
  }
  throw_if_any(ErrorKind::usage, "a resumed run keeps its configuration", problems);
  overlay(config, given);
  if (given.contains("extend_to")) {
    config["steps"] = given["extend_to"];
  }
  config["overwrite"] = false;
  return config;
}

void write_block(const Json& json, std::size_t indent, std::string& out) {
  for (const auto& [key, value] : json.items()) {
    const std::string margin(indent, ' ');
    if (value.is_object() && !value.empty()) {
      out += fmt::format("{}{}:\n", margin, key);
      write_block(value, indent + 2, out);
    } else {
      out += fmt::format("{}{}: {}\n", margin, key, value.dump());
    }
  }
}

[[noreturn]] void fail_line(const std::string& source, std::size_t number,
                            const std::string& line) {
  throw Error(ErrorKind::bad_data, Problem{.subject = fmt::format("{}: line {}", source, number),
                                           .found = line,
                                           .expected = "a configuration as a run writes it",
                                           .remedy = {}});
}

}  // namespace

std::filesystem::path run_config_path(const std::filesystem::path& run) {
  return run / "config.yaml";
}

Json resolve_finetune(const Json& given, const core::Context& context) {
  if (given.value("resume", Json(false)) == Json(true)) {
    return resumed(given);
  }
  return with_recipe(translate(given, context));
}

std::string to_yaml(const Json& json) {
  std::string out;
  write_block(json, 0, out);
  return out;
}

Json parse_own_yaml(const std::string& text, const std::string& source) {
  Json root = Json::object();
  std::vector<std::string> path;  // keys of the tables that are open
  std::istringstream lines(text);
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    const std::size_t start = line.find_first_not_of(' ');
    if (start == std::string::npos || line[start] == '#') {
      continue;
    }
    const std::size_t colon = line.find(':', start);
    if (colon == std::string::npos || start % 2 != 0 || start / 2 > path.size()) {
      fail_line(source, number, line);
    }
    path.resize(start / 2);
    const std::string key = line.substr(start, colon - start);
    Json* table = &root;
    for (const std::string& name : path) {
      table = &(*table)[name];
    }
    if (colon + 1 == line.size()) {
      (*table)[key] = Json::object();
      path.push_back(key);
      continue;
    }
    Json value = Json::parse(line.substr(colon + 1), nullptr, /*allow_exceptions=*/false);
    if (value.is_discarded()) {
      fail_line(source, number, line);
    }
    (*table)[key] = std::move(value);
  }
  return root;
}

}  // namespace retina::pipeline
