#pragma once

#include <string>

#include "retina/core/json.h"

namespace retina::pipeline {

/// JSON as YAML in block style; lists and leaves are JSON.
std::string to_yaml(const Json& json);
/// Reads what to_yaml wrote (not YAML in general); bad_data naming `source` and the line otherwise.
Json parse_own_yaml(const std::string& text, const std::string& source);

}  // namespace retina::pipeline
