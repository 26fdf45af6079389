#pragma once

#include "retina/pipeline/models/models.h"

namespace retina::pipeline {

/// Every model of model::model_places(); one that cannot be read with the reason.
ModelsReport list_models();

/// The card of the model that options.path means.
ModelsReport show_model(const ModelsOptions& options);

}  // namespace retina::pipeline
