#pragma once

#include <string>

#include "retina/model/card.h"
#include "retina/pipeline/models/models.h"

namespace retina::pipeline {

/// Every model of model::model_places(); one that cannot be read with the reason.
ModelsReport list_models();

/// The card of the model that options.path means.
ModelsReport show_model(const ModelsOptions& options);

/// The licence as it is told: "not stated" where the card has none.
std::string licence_text(const model::Card& card);

}  // namespace retina::pipeline
