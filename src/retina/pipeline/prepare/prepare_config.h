#pragma once

#include <filesystem>
#include <string>

#include "retina/core/json.h"
#include "retina/pipeline/prepare/prepare_recipes.h"
#include "retina/pipeline/prepare/prepare_values.h"

namespace retina::pipeline {

/// Name of the configuration beside a prepared data set: finetune.yaml, or pretrain.yaml of one
/// without labels.
std::string prepared_config_name(const DatasetRecipe& recipe);

/// The published training of the data set in folder `place`, as configuration of finetune or
/// pretrain.
Json prepared_config(const DatasetRecipe& recipe, const std::filesystem::path& place,
                     UnknownVoxels unknown);

/// The same as YAML, with what a user should know as comments above.
std::string prepared_yaml(const DatasetRecipe& recipe, const std::filesystem::path& place,
                          UnknownVoxels unknown);

/// Name of the pack of unlabelled patches in a prepared data set.
inline constexpr const char* kPatchPack = "patches.pack";

}  // namespace retina::pipeline
