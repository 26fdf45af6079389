#pragma once

#include <functional>
#include <initializer_list>
#include <string>

#include "retina/core/json.h"
#include "retina/core/progress.h"
#include "retina/pipeline/run/stored_config.h"

namespace retina::pipeline {

/// The complete configuration of a run from what the user gave (config file, --set and flags, in
/// one object): published keys are translated with a warning for each ignored one, the preset's
/// recipe lies below, and --resume starts from the configuration in the run folder, of which only
/// what leaves the result's past untouched may change (steps, time limit, device, threads, ...).
/// The result binds to FinetuneOptions.
Json resolve_finetune(const Json& given, const core::Context& context);

/// usage where `given` has something else than a table under one of `keys`.
void require_tables(const Json& given, std::initializer_list<const char*> keys);

/// The configuration of the run that `given` resumes, with what `given` changes laid over it; usage
/// error that lists what may not change. What the run decided for itself (automatic, null) is not
/// a change, so that the command that began a run resumes it too. `complete` is completed() of the
/// verb's options; usage for a run of another verb. Warns where the run's checkpoints are gone.
Json resumed_config(const Json& given, const std::function<Json(const Json&)>& complete,
                    const core::Context& context);

}  // namespace retina::pipeline
