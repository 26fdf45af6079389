#pragma once

#include <filesystem>
#include <string>

#include "retina/core/json.h"
#include "retina/core/progress.h"

namespace retina::pipeline {

/// The complete configuration of a run from what the user gave (config file, --set and flags, in
/// one object): published keys are translated with a warning for each ignored one, the preset's
/// recipe lies below, and --resume starts from the configuration in the run folder, of which only
/// what leaves the result's past untouched may change (steps, time limit, device, threads, ...).
/// The result binds to FinetuneOptions.
Json resolve_finetune(const Json& given, const core::Context& context);

/// JSON as YAML in block style; lists and leaves are JSON.
std::string to_yaml(const Json& json);
/// Reads what to_yaml wrote (not YAML in general); bad_data naming `source` and the line otherwise.
Json parse_own_yaml(const std::string& text, const std::string& source);

/// RUN/config.yaml.
std::filesystem::path run_config_path(const std::filesystem::path& run);

}  // namespace retina::pipeline
