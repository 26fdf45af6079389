#pragma once

#include "retina/core/progress.h"
#include "retina/pipeline/models/models.h"

namespace retina::pipeline {

/// Makes the model folder options.output of the weights options.path.
ModelsReport import_model(const ModelsOptions& options, const core::Context& context);

}  // namespace retina::pipeline
