#include "retina/pipeline/run/stored_config.h"

#include <utility>

#include "retina/core/error.h"
#include "retina/core/json_text.h"
#include "retina/pipeline/own_yaml.h"

namespace retina::pipeline {
namespace {

constexpr int kConfigVersion = 1;

}  // namespace

Json run_config(Json options) {
  options["resume"] = false;
  options["extend_to"] = 0;
  options["version"] = kConfigVersion;
  return options;
}

Json without_version(Json config, const std::string& source) {
  if (!config.is_object() || !config.contains("version")) {
    return config;
  }
  if (config["version"] != kConfigVersion) {
    throw Error(ErrorKind::bad_data, Problem{.subject = source + ": version",
                                             .found = core::dump_json(config["version"]),
                                             .expected = std::to_string(kConfigVersion),
                                             .remedy = "use the release of retina that wrote it"});
  }
  config.erase("version");
  return config;
}

Json parse_run_config(const std::string& text, const std::string& source) {
  return without_version(parse_own_yaml(text, source), source);
}

}  // namespace retina::pipeline
