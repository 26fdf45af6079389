#pragma once

#include <string>
#include <vector>

#include "retina/core/json.h"

namespace retina::pipeline {

/// A configuration of the authors' repository in our keys, and what of it has no effect.
struct PublishedConfig {
  Json config;
  std::vector<std::string> warnings;  ///< one for each key that is ignored or not quite followed
};

/// True for a configuration with the keys of the authors' YAML files (retina.md 3.2).
bool is_published_config(const Json& yaml);

/// Keys without a value are as if they were absent. usage error for values of the wrong kind, for
/// augmentations that we do not have, and for numbers and names of classes that do not agree.
PublishedConfig from_published_config(const Json& yaml);

}  // namespace retina::pipeline
