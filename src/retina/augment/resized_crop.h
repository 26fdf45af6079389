#pragma once

#include <torch/types.h>

#include "retina/augment/geometry.h"

namespace retina::augment {

enum class Interpolation { bilinear, nearest };

/// Cuts `crop` out of a plane (u8 Y,X) and resizes it to size x size as OpenCV 4.8 does: bilinear
/// without antialiasing, half-pixel centres, 11-bit weights; nearest takes floor(target * scale). A
/// crop of that size comes back unchanged.
at::Tensor resized_crop(const at::Tensor& plane_YX, const Crop& crop, int size,
                        Interpolation interpolation);

}  // namespace retina::augment
