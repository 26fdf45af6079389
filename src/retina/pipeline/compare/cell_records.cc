#include "retina/pipeline/compare/cell_records.h"

#include <string>
#include <string_view>

#include "retina/core/file.h"
#include "retina/core/json_text.h"
#include "retina/core/record.h"

namespace retina::pipeline {
namespace {

/// What score_slices() does not look at: the slices are in memory, as class ids.
constexpr const char* kOfFilesAlone[] = {"prediction", "truth", "ignore_value", "axes",
                                         "voxel_size_nm"};

/// Without what changes no score. Limits of memory and disk may: they leave distances undefined;
/// but "auto" is the default of max_ram that was "4GiB".
Json in_present_terms(Json evaluate) {
  if (!evaluate.is_object()) {
    return evaluate;
  }
  for (const char* option : kOfFilesAlone) {
    evaluate.erase(std::string(option));
  }
  if (evaluate.value("max_ram", Json()) == "4GiB") {
    evaluate["max_ram"] = "auto";
  }
  return evaluate;
}

}  // namespace

bool are_same_rules(const Json& stored, const Json& evaluate) {
  return in_present_terms(stored) == in_present_terms(evaluate);
}

CellIdentity cell_identity_of(const Json& json, const std::string& source) {
  return {.finetune = core::member_of<FinetuneOptions>(json, "finetune", source),
          .weights = core::member_of<std::string>(json, "weights", source)};
}

CellResult cell_result_of(const Json& json, const std::string& source) {
  CellResult result;
  core::from_record(result, json, source);
  return result;
}

TrainedCell trained_cell_of(const Json& json, const std::string& source) {
  return {.steps = core::member_of<std::int64_t>(json, "steps", source),
          .seconds = core::member_of<double>(json, "seconds", source),
          .precision = core::member_of<std::string>(json, "precision", source)};
}

CellFailure cell_failure_of(const Json& json, const std::string& source) {
  CellFailure failure;
  core::from_record(failure, json, source);
  return failure;
}

std::map<std::string, double> step_scores_of(const Json& json, const Json& evaluate,
                                             const std::string& source) {
  std::map<std::string, double> scores;
  if (are_same_rules(core::member_of<Json>(json, "evaluate", source), evaluate)) {
    scores = core::member_of<std::map<std::string, double>>(json, "scores", source);
  }
  return scores;
}

void write_record(const std::filesystem::path& path, const Json& json) {
  core::write_atomically(path, std::string_view(core::dump_json(json, 1) + "\n"));
}

}  // namespace retina::pipeline
