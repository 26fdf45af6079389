#include "retina/pipeline/prepare/prepare_config.h"

#include <algorithm>

#include <fmt/format.h>

#include "retina/data/dataset.h"
#include "retina/pipeline/own_yaml.h"

namespace retina::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPublishedBatch = 16;
constexpr std::int64_t kPublishedCheckpoints = 500;  ///< steps between them

bool has_folder(const DatasetRecipe& recipe, const std::string& split) {
  const auto in_split = [&](const auto& part) {
    return part.folder == split || part.folder.starts_with(split + "/");
  };
  return std::any_of(recipe.volumes.begin(), recipe.volumes.end(), in_split) ||
         std::any_of(recipe.image_sets.begin(), recipe.image_sets.end(), in_split);
}

Json augmentation_of(const TrainingRecipe& training) {
  Json augment = Json::object();
  if (training.crop_nonempty > 0) {
    augment["crop_nonempty"] = training.crop_nonempty;
  }
  if (training.noise_and_blur > 0) {
    augment["noise_probability"] = training.noise_and_blur;
    augment["blur_probability"] = training.noise_and_blur;
  }
  return augment;
}

Json finetune_config(const DatasetRecipe& recipe, const fs::path& place, UnknownVoxels unknown) {
  const TrainingRecipe& training = recipe.training;
  Json config{{"preset", "retina"}, {"classes", training.classes}};
  config["data"]["path"] = (place / "train").string();
  if (recipe.voxel_nm) {
    config["data"]["voxel_size_nm"] = *recipe.voxel_nm;
  }
  if (unknown == UnknownVoxels::ignore && has_unknown(recipe)) {
    config["data"]["ignore_value"] = data::kIgnore;
  }
  if (has_folder(recipe, "validation")) {
    config["validation"]["data"]["path"] = (place / "validation").string();
  }
  config["normalisation"] = {{"mean", training.mean}, {"std", training.std}};
  if (!training.class_weights.empty()) {
    config["loss"]["class_weights"] = training.class_weights;
  }
  if (Json augment = augmentation_of(training); !augment.empty()) {
    config["augment"] = std::move(augment);
  }
  config["batch"] = kPublishedBatch;
  config["steps"] = training.steps;
  config["log_every"] = training.steps / training.prints;
  config["checkpoint_every"] = kPublishedCheckpoints;
  config["seed"] = training.seed;
  return config;
}

}  // namespace

std::string prepared_config_name(const DatasetRecipe& recipe) {
  return recipe.is_unlabelled ? "pretrain.yaml" : "finetune.yaml";
}

Json prepared_config(const DatasetRecipe& recipe, const fs::path& place, UnknownVoxels unknown) {
  if (recipe.is_unlabelled) {  // the defaults of pretrain are the published procedure
    return {{"preset", "retina"}, {"images", Json::array({(place / kPatchPack).string()})}};
  }
  return finetune_config(recipe, place, unknown);
}

std::string prepared_yaml(const DatasetRecipe& recipe, const fs::path& place,
                          UnknownVoxels unknown) {
  const std::string name = prepared_config_name(recipe);
  std::string text = fmt::format("# {}\n# Source: {}. Licence of the data: {}.\n", recipe.title,
                                 recipe.source, recipe.licence);
  text += fmt::format("# The published training: retina {} -c {} -o RUN\n",
                      recipe.is_unlabelled ? "pretrain" : "finetune", (place / name).string());
  if (!recipe.is_unlabelled && !has_folder(recipe, "validation")) {
    text +=
        "# As published nothing is held out for validation: the model is the last checkpoint.\n";
  }
  for (const std::string& remark : recipe.remarks) {
    text += fmt::format("# Note: {}.\n", remark);
  }
  return text + to_yaml(prepared_config(recipe, place, unknown));
}

}  // namespace retina::pipeline
