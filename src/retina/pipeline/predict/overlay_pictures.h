#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "retina/core/array.h"
#include "retina/core/intensity.h"
#include "retina/core/lock.h"
#include "retina/core/volume.h"

namespace retina::pipeline {

/// The folder of pictures that belongs to `output`.
std::string overlay_path(const std::string& output);

/// Writes labels over their image, both u8 {1,y,x}, as the PNG file `file`.
void write_overlay(const std::filesystem::path& file, const core::Array& image,
                   const core::Array& labels);

/// Pictures of a few slices of a volume, in a folder of PNG files.
class SliceOverlays {
 public:
  explicit SliceOverlays(std::string folder) : folder_(std::move(folder)) {}

  /// usage error for a folder that must not be replaced, known before the network runs for hours.
  void refuse_existing(bool overwrite) const;

  /// Takes the lock of the folder and makes its unfinished form, of the plan that `key` names.
  void prepare(const std::string& key);

  /// Draws the slices, named as `slice_names` says if it is not empty, and gives the folder its
  /// name.
  void write(const core::Volume& input, const core::IntensityRange& range,
             const core::Volume& labels, const std::vector<std::string>& slice_names) const;

 private:
  std::string folder_;
  core::OutputLock lock_;
};

}  // namespace retina::pipeline
