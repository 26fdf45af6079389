#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/volume.h"
#include "retina/pipeline/reading_options.h"

namespace retina::pipeline {

/// A prediction and its truth, opened when they are needed, so that a set of any number of images
/// holds no open files.
struct LabelPair {
  std::string name;
  std::function<std::shared_ptr<const core::Volume>()> prediction;
  std::function<std::shared_ptr<const core::Volume>()> truth;
};

/// What a folder of images means.
enum class FolderMeaning { images, volume };

struct LabelPairOptions {
  std::string prediction;
  std::string truth;
  FolderMeaning folders = FolderMeaning::images;
  ReadingOptions reading{};
};

/// Two files or containers make one pair; two folders of images (or of .zarr volumes) or packs of
/// several items are matched by their names without extension. Of a pack the labels are compared,
/// or where no item has any, as in a pack that `predict` wrote, the images. All images without
/// partner, items without labels among others, and doubled names are listed in one bad_data error.
std::vector<LabelPair> find_label_pairs(const LabelPairOptions& options);

}  // namespace retina::pipeline
