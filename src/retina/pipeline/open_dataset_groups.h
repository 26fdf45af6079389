#pragma once

#include <string>
#include <vector>

#include "retina/core/error.h"
#include "retina/data/options.h"

namespace retina::pipeline {

/// One place with images and one with their labels.
struct DatasetGroup {
  std::string name;  ///< of the volume; empty if there is one group alone
  std::string images;
  std::string masks;  ///< empty for unlabelled data
};

/// Where the images and masks of a dataset that is no pack lie (layouts: data/options.h), in
/// natural order of the names. Adds a problem where a folder has none.
std::vector<DatasetGroup> find_groups(const data::DataOptions& options,
                                      std::vector<Problem>& problems);

/// True if there is a file or folder at a path, or at that of the container in
/// "container:dataset".
bool exists_at(const std::string& place);

/// True for a folder whose files are images of their own rather than one volume.
bool holds_images(const std::string& place, const data::DataOptions& options);

}  // namespace retina::pipeline
