#pragma once

#include <optional>
#include <string>

#include "retina/metric/overlap.h"
#include "retina/pipeline/evaluate/evaluation_report.h"

namespace retina::pipeline {

/// `value`, or where there is none `reason`.
Score score_or(std::optional<double> value, const std::string& reason);

/// Why a class that lacks predicted or true voxels has no score.
std::string empty_reason(const metric::OverlapCounts& counts);

}  // namespace retina::pipeline
