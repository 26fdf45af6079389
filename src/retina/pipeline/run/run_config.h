#pragma once

#include <functional>
#include <initializer_list>
#include <string>

#include "retina/core/json.h"
#include "retina/core/options.h"
#include "retina/core/progress.h"

namespace retina::pipeline {

/// The complete configuration of a run from what the user gave (config file, --set and flags, in
/// one object): published keys are translated with a warning for each ignored one, the preset's
/// recipe lies below, and --resume starts from the configuration in the run folder, of which only
/// what leaves the result's past untouched may change (steps, time limit, device, threads, ...).
/// The result binds to FinetuneOptions.
Json resolve_finetune(const Json& given, const core::Context& context);

/// What a run folder keeps of the options of its run: all, for a later --resume, with the version
/// of the format.
Json run_config(Json options);

/// usage where `given` has something else than a table under one of `keys`.
void require_tables(const Json& given, std::initializer_list<const char*> keys);

/// `config` without the version of the format; bad_data naming `source` for another one than ours.
Json without_version(Json config, const std::string& source);

/// `config` with every key of `Options`, each value in its one form.
template <core::OptionStruct Options>
Json completed(const Json& config) {
  Options options;
  core::from_json_value(options, config, "");
  return core::options_to_json(options);
}

/// The configuration of the run that `given` resumes, with what `given` changes laid over it; usage
/// error that lists what may not change. What the run decided for itself (automatic, null) is not
/// a change, so that the command that began a run resumes it too. `complete` is completed() of the
/// verb's options.
Json resumed_config(const Json& given, const std::function<Json(const Json&)>& complete);

}  // namespace retina::pipeline
