#pragma once

#include <cstdint>
#include <optional>

#include "retina/core/error.h"
#include "retina/core/json.h"

namespace retina::pipeline {

/// What is wrong with the figures of a training step whose output says nothing any more.
std::optional<Problem> collapse_of(const Json& values, std::int64_t step);

}  // namespace retina::pipeline
