#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

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

/// Predicts 2D images one by one into `output`: reading, computing and writing overlap. A name
/// without extension is a folder of PNG files named after the images, "NAME.pack" a pack of items
/// of the same names. The output gets its name when all are there; an unfinished one of the same
/// plan is continued. bad_data lists all images that are no single grey one, and equal names.
/// resource error for an image that max_ram cannot hold.
PredictReport predict_image_set(PredictionSetup& setup, const std::vector<SetImage>& images,
                                const std::string& output, const core::Context& context);

}  // namespace retina::pipeline
