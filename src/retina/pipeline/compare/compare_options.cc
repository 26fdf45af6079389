#include "retina/pipeline/compare/compare_options.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/problem_list.h"
#include "retina/pipeline/compare/compared_metric.h"
#include "retina/pipeline/evaluate/class_selection.h"

namespace retina::pipeline {
namespace {

/// What the grid itself sets in every run.
constexpr const char* kOfTheGrid[] = {"output", "seed",      "init",      "transfer", "freeze",
                                      "resume", "overwrite", "extend_to", "device",   "threads"};

/// The text as a whole number of type T, nothing else around it.
template <class T>
std::optional<T> whole_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional(value)
                                                                  : std::nullopt;
}

bool names_a_folder(const std::string& name) {
  const auto is_plain = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' || c == '+';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), is_plain);
}

void check_names(ProblemList& problems, const std::string& key,
                 const std::vector<std::string>& names) {
  problems.require(!names.empty(), key, "none", "one or more");
  std::set<std::string> seen;
  for (const std::string& name : names) {
    problems.require(names_a_folder(name), key + ": name", "'" + name + "'",
                     "letters, digits, '-', '_' or '+'");
    problems.require(seen.insert(name).second, key, "'" + name + "' twice", "different names");
  }
}

void check_overrides(ProblemList& problems, const std::string& where, const Json& finetune) {
  for (const char* key : kOfTheGrid) {
    problems.require(!finetune.contains(key), where + ".finetune." + key, "given",
                     "nothing: the grid sets it");
  }
}

void check_curves(ProblemList& problems, const std::vector<std::string>& curves) {
  std::vector<std::string> known;
  for (const ComparedMetric& metric : kComparedMetrics) {
    known.emplace_back(metric.key);
  }
  for (const std::string& key : curves) {
    const std::string hint = core::suggestion(key, known);  // or the list of them
    problems.require(std::find(known.begin(), known.end(), key) != known.end(), "curves",
                     "'" + key + "'", fmt::format("one of {}", fmt::join(known, ", ")),
                     hint.starts_with("did you mean") ? hint : "");
  }
}

void check_seeds(ProblemList& problems, const std::vector<std::uint64_t>& seeds) {
  problems.require(!seeds.empty(), "seeds", "none", "one or more");
  std::set<std::uint64_t> seen;
  for (const std::uint64_t seed : seeds) {
    problems.require(seen.insert(seed).second, "seeds", fmt::format("{} twice", seed),
                     "different seeds");
  }
}

/// As one evaluation would be told, with the held-out slices in the place of its files.
void check_evaluate(ProblemList& problems, const ComparedDataset& dataset) {
  const std::string where = "dataset " + dataset.name + ".evaluate";
  EvaluateOptions options = dataset.evaluate;
  problems.require(options.prediction.empty() && options.truth.empty(), where,
                   "a prediction or truth", "neither: the held-out slices are scored");
  options.prediction = options.truth = "held-out slices";
  std::vector<Problem> found = options.validate();
  try {
    parse_classes(options.classes);
  } catch (const Error& error) {
    found.push_back({.subject = error.what()});
  }
  for (Problem& problem : found) {
    problem.subject = where + ": " + problem.subject;
  }
  problems.add(found);
}

/// Random weights have nothing to transfer; a run would start from them without a word.
void check_transfer(ProblemList& problems, const ComparedInit& init) {
  problems.require(!init.is_random() || init.transfer == net::TransferScope::automatic ||
                       init.transfer == net::TransferScope::none,
                   "init " + init.name + ".transfer", core::enum_name(init.transfer),
                   "weights to transfer", "give it a model");
}

/// The content of the file that a dataset names; what is wrong with it names the dataset.
Json config_of(const Json& dataset, const std::function<Json(const std::filesystem::path&)>& read) {
  try {
    return read(dataset["config"].get<std::string>());
  } catch (const Error& error) {
    const Json name = dataset.value("name", Json());
    throw error.within(name.is_string() ? "dataset " + name.get<std::string>() : "datasets");
  }
}

}  // namespace

std::string LabelAmount::name() const {
  return is_all() ? "all" : slices > 0 ? std::to_string(slices) : fmt::format("{}%", percent);
}

std::int64_t LabelAmount::of(std::int64_t available) const {
  return slices > 0 ? slices
                    : std::max<std::int64_t>(
                          1, std::llround(0.01 * percent * static_cast<double>(available)));
}

std::vector<Problem> CompareOptions::validate() const {
  ProblemList problems;
  problems.require(!output.empty(), "output", "nothing", "a folder", "give -o FOLDER");
  std::vector<std::string> names;
  for (const ComparedDataset& dataset : datasets) {
    names.push_back(dataset.name);
    check_overrides(problems, "dataset " + dataset.name, dataset.finetune);
    check_evaluate(problems, dataset);
  }
  check_names(problems, "datasets", names);
  names.clear();
  for (const ComparedInit& init : inits) {
    names.push_back(init.name);
    check_overrides(problems, "init " + init.name, init.finetune);
    check_transfer(problems, init);
  }
  check_names(problems, "inits", names);
  check_overrides(problems, "grid", finetune);
  std::set<std::string> amounts;
  for (const LabelAmount& amount : labels) {
    problems.require(amounts.insert(amount.name()).second, "labels", amount.name() + " twice",
                     "different amounts");
  }
  problems.require(!labels.empty(), "labels", "none", "one or more amounts");
  check_seeds(problems, seeds);
  for (const std::int64_t step : checkpoints) {
    problems.at_least("checkpoints", static_cast<double>(step), 1);
  }
  check_curves(problems, curves);
  problems.at_least("threads", threads, 0);
  problems.at_least("jobs", jobs, 0);
  return problems.take();
}

Json resolve_compare(Json given, const std::function<Json(const std::filesystem::path&)>& read) {
  if (given.contains("datasets") && given["datasets"].is_array()) {
    for (Json& dataset : given["datasets"]) {
      if (dataset.is_object() && dataset.contains("config") && dataset["config"].is_string()) {
        dataset["config"] = config_of(dataset, read);
      }
    }
  }
  return given;
}

CellShare parse_share(const std::string& text) {
  if (text.empty()) {
    return {};
  }
  const std::size_t slash = std::min(text.find('/'), text.size());
  const auto number = whole_number<std::size_t>(std::string_view(text).substr(0, slash));
  const auto of =
      whole_number<std::size_t>(std::string_view(text).substr(std::min(slash + 1, text.size())));
  if (!number || !of || *number < 1 || *number > *of) {
    throw Error(ErrorKind::usage, Problem{.subject = "only",
                                          .found = "'" + text + "'",
                                          .expected = "K/N, such as 2/8",
                                          .remedy = {}});
  }
  return {.number = *number, .of = *of};
}

}  // namespace retina::pipeline

namespace retina::core {

Json JsonBinding<pipeline::LabelAmount>::write(const pipeline::LabelAmount& value) {
  return value.slices > 0 ? Json(value.slices) : Json(value.name());
}

void JsonBinding<pipeline::LabelAmount>::read(pipeline::LabelAmount& out, const Json& json,
                                              const std::string& where) {
  if (json.is_number_integer() && json.get<double>() >= 1) {
    std::int64_t slices = 0;
    from_json_value(slices, json, where);
    out = {.slices = slices};
    return;
  }
  const std::string text = json.is_string() ? json.get<std::string>() : "";
  const std::string share = text == "all" ? "100" : text.substr(0, text.find('%'));
  const int percent = pipeline::whole_number<int>(share).value_or(0);
  if ((text != "all" && text != share + "%") || percent < 1 || percent > 100) {
    fail_value(where, json, "a number of slices, a share such as 25%, or all");
  }
  out = {.percent = percent};
}

}  // namespace retina::core
