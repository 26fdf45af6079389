#pragma once

#include "retina/pipeline/models/models.h"

namespace retina::pipeline {

/// Nothing but what this verb writes is ever replaced: a wrong path must not remove a folder. usage
/// for an output of an import or export that is in the way.
void require_free_output(const ModelsOptions& options);

}  // namespace retina::pipeline
