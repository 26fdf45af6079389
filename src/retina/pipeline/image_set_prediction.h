#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retina/pipeline/prediction_setup.h"

namespace retina::pipeline {

/// The image files of a folder in natural order; empty if `path` is no folder of images (a file, a
/// pack, a Zarr group).
std::vector<std::filesystem::path> image_files(const std::filesystem::path& path);

/// Predicts 2D images one by one into PNG files of the same stem in the folder `output`: reading,
/// computing and writing overlap. The folder gets its name when all are there; an unfinished one of
/// the same plan is continued. bad_data lists all files that are no single grey image, and equal
/// stems. resource error for an image that max_ram cannot hold.
PredictReport predict_image_set(PredictionSetup& setup,
                                const std::vector<std::filesystem::path>& files,
                                const std::string& output, const core::Context& context);

}  // namespace retina::pipeline
