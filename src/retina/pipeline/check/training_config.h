#pragma once

#include "retina/core/json.h"
#include "retina/core/progress.h"

namespace retina::pipeline {

/// The data of a configuration of `finetune`, so that it can be checked as it stands; any other
/// configuration as it is. It is of `finetune` if it has keys of it that are not in `check_keys`,
/// those of `check`, or the authors' keys. Its output is kept if it is a page, not a run folder.
/// usage error for keys and values that `finetune` does not take.
Json data_of_training(const Json& given, const Json& check_keys, const core::Context& context);

}  // namespace retina::pipeline
