#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "retina/core/volume.h"
#include "retina/pipeline/predict/prediction_setup.h"
#include "retina/store/open.h"

namespace retina::pipeline {

/// One image of a set.
struct SetImage {
  std::string path;  ///< as store::open takes it
  std::string name;  ///< of its results in a pack
  std::string stem;  ///< of the files of its results
  std::function<std::unique_ptr<core::Volume>(const store::OpenOptions&)> open;
};

/// The image files of a folder in natural order, or the items of a pack of several; empty if `path`
/// is no set of images (a file, a pack of one image, a Zarr group).
std::vector<SetImage> images_of_set(const std::string& path);

/// An image that is predicted by itself, but in the manner of a set.
SetImage image_of_file(const std::string& path);

/// An image that can be predicted.
struct ImageItem {
  SetImage image;
  core::VolumeInfo info;

  std::unique_ptr<core::Volume> open(const PredictionSetup& setup) const;
};

/// Reads the metadata of all images. bad_data lists all that are no single grey one, and equal
/// stems.
std::vector<ImageItem> list_items(const PredictionSetup& setup,
                                  const std::vector<SetImage>& images);

}  // namespace retina::pipeline
