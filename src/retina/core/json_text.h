#pragma once

#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "retina/core/json.h"

namespace retina::core {

/// JSON that people or other programs wrote: nothing for a text that is none, or that is nested
/// deeper than anything meaningful (which would exhaust the stack of whoever walks through it).
std::optional<Json> try_parse_json(std::string_view text);

/// The same; bad_data that names `source` and the place of the first mistake.
Json parse_json(std::string_view text, const std::string& source);

/// What an error of the JSON library says, without the name of its class in brackets.
std::string json_reason(const std::exception& error);

/// JSON as text; bytes that are no UTF-8, as in old file names, become U+FFFD. `indent` < 0 = one
/// line.
std::string dump_json(const Json& json, int indent = -1);

}  // namespace retina::core
