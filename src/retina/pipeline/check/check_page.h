#pragma once

#include <string>

#include "retina/pipeline/check/check.h"

namespace retina::pipeline {

/// Writes what `check` found as one self-contained HTML page: problems, notes, classes, grey
/// values, volumes and thumbnails with their masks.
void write_check_page(const std::string& path, const CheckReport& report);

}  // namespace retina::pipeline
