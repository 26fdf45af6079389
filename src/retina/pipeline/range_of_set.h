#pragma once

#include <optional>
#include <string>
#include <vector>

#include "retina/core/dtype.h"
#include "retina/core/error.h"
#include "retina/core/intensity.h"
#include "retina/core/volume.h"

namespace retina::pipeline {

/// The one range of values of all images of a set that are not uint8: a network knows but one.
struct SetRange {
  core::IntensityRange range;      ///< 0..255 where all are uint8
  std::optional<Problem> problem;  ///< why none fits all; the remedy is the caller's to tell
  std::string note;  ///< that an image of a sample holds values that are not finite; empty = none

  /// By which an image of the set is mapped to uint8.
  core::IntensityRange of(const core::Volume& image) const {
    return image.info().dtype == core::DType::u8 ? core::IntensityRange{} : range;
  }
};

/// `given`, low and high, where it has values; else what a sample of the images says. The same
/// images in the same order give the same range, whoever asks: training on a folder, or the pack
/// that is made of it.
SetRange range_of_set(const std::vector<const core::Volume*>& images,
                      const std::vector<double>& given);

}  // namespace retina::pipeline
