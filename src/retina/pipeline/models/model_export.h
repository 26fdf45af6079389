#pragma once

#include "retina/core/progress.h"
#include "retina/pipeline/models/models.h"

namespace retina::pipeline {

/// Writes the weights of the model options.path, with its card, to the file options.output.
ModelsReport export_model(const ModelsOptions& options, const core::Context& context);

}  // namespace retina::pipeline
