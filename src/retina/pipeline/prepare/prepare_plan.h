#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/volume.h"
#include "retina/pipeline/prepare/prepare_pairs.h"
#include "retina/pipeline/prepare/prepare_recipes.h"

namespace retina::pipeline {

/// A volume and its labels, open, and the part of each that both cover.
struct PlannedVolume {
  const VolumeRecipe* recipe = nullptr;
  std::shared_ptr<const core::Volume> image;
  std::vector<std::shared_ptr<const core::Volume>> labels;  ///< as recipe->labels
  core::Box3 image_box;                                     ///< without the rows to skip
  core::Box3 label_box;                                     ///< of equal shape

  /// Planes that are written across `axis`.
  std::int64_t planes(int axis) const;
  /// Folder of the planes named "xy", ...
  std::string folder(const std::string& plane) const;
};

struct PlannedImageSet {
  const ImageSetRecipe* recipe = nullptr;
  std::filesystem::path images;
  std::filesystem::path masks;
  std::vector<PlannedPair> pairs;
};

/// What will be written. Nothing but metadata has been read.
struct PreparePlan {
  const DatasetRecipe* recipe = nullptr;
  std::vector<PlannedVolume> volumes;
  std::vector<PlannedImageSet> image_sets;
  std::vector<std::filesystem::path> patches;
  std::vector<std::string> notes;  ///< how files differ from what is published

  std::int64_t images() const;  ///< with masks a pair counts once
};

/// Finds and opens what the recipe needs among the downloads; one bad_data error lists everything
/// that is missing, with where to get it. `output` is not taken for a download.
PreparePlan plan_preparation(const DatasetRecipe& recipe, const std::vector<std::string>& downloads,
                             const std::filesystem::path& output);

}  // namespace retina::pipeline
