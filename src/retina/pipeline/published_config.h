#pragma once

#include <string>
#include <vector>

#include "retina/core/json.h"

namespace retina::pipeline {

/// A configuration of the authors' repository in our keys, and what of it has no effect.
struct PublishedConfig {
  Json config;
  std::vector<std::string> warnings;  ///< one for each key that is ignored
};

/// True for a configuration with the keys of the authors' YAML files (retina.md 3.2).
bool is_published_config(const Json& yaml);

/// usage error for values of the wrong kind and for augmentations that we do not have.
PublishedConfig from_published_config(const Json& yaml);

}  // namespace retina::pipeline
