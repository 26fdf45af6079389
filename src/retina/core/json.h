#pragma once

#include <nlohmann/json.hpp>

namespace retina {
/// JSON with keys in the order they were written.
using Json = nlohmann::ordered_json;
}  // namespace retina
