#pragma once

#include <filesystem>
#include <string>

#include "retina/core/json.h"

namespace retina::cli {

/// Reads a configuration file: YAML (with RETINA_WITH_IO) or JSON. `include: FILE` (or a list) is
/// read first, relative to the file, and overlaid. usage error naming file, line and column for
/// text that does not parse, and for include cycles.
Json read_config(const std::filesystem::path& path);

/// One YAML document as JSON: plain scalars become null, booleans, numbers or text by the YAML 1.2
/// core schema.
Json parse_yaml(const std::string& text, const std::string& name);

}  // namespace retina::cli
