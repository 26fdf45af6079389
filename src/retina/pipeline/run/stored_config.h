#pragma once

#include <string>

#include "retina/core/json.h"
#include "retina/core/options.h"

namespace retina::pipeline {

/// What a run folder keeps of the options of its run: all, for a later --resume, with the version
/// of the format.
Json run_config(Json options);

/// `config` without the version of the format; bad_data naming `source` for another one than ours.
Json without_version(Json config, const std::string& source);

/// `config` with every key of `Options`, each value in its one form.
template <core::OptionStruct Options>
Json completed(const Json& config) {
  Options options;
  core::from_json_value(options, config, "");
  return core::options_to_json(options);
}

/// The options in the text of a run's config.yaml; bad_data naming `source`, the file.
Json parse_run_config(const std::string& text, const std::string& source);

}  // namespace retina::pipeline
