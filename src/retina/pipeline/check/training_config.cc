#include "retina/pipeline/check/training_config.h"

#include <string>

#include "retina/core/options.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/finetune/published_config.h"
#include "retina/pipeline/run/run_config.h"

namespace retina::pipeline {

namespace {

/// True for a configuration of `finetune`: one that has keys of it which `check` has not.
bool is_of_training(const Json& given, const Json& check_keys, const Json& training_keys) {
  if (is_published_config(given)) {
    return true;
  }
  for (const auto& [key, value] : given.items()) {
    if (training_keys.contains(key) && !check_keys.contains(key)) {
      return true;
    }
  }
  const Json validation = given.value("validation", Json());
  return validation.is_object() && validation.contains("data");
}

}  // namespace

Json data_of_training(const Json& given, const Json& check_keys, const core::Context& context) {
  const Json training_keys = core::options_to_json(FinetuneOptions{});
  if (!is_of_training(given, check_keys, training_keys)) {
    return given;
  }
  Json own = Json::object();
  Json training = Json::object();
  for (const auto& [key, value] : given.items()) {
    (check_keys.contains(key) && !training_keys.contains(key) ? own : training)[key] = value;
  }
  const Json output = training.value("output", Json());
  if (output.is_string() && output.get<std::string>().ends_with(".html")) {
    own["output"] = output;  // else it is the run folder
    own["overwrite"] = training.value("overwrite", Json(false));
  }
  training["init"] = "";  // what it starts from changes nothing about the data
  FinetuneOptions options;
  core::from_json_value(options, resolve_finetune(training, context), "");
  own["data"] = core::options_to_json(options.training_data());
  own["more_data"] = core::to_json_value(options.more_data);
  own["classes"] = options.classes;
  if (options.validates()) {
    own["validation"] = core::options_to_json(options.held_out_data({}));
  }
  return own;
}

}  // namespace retina::pipeline
