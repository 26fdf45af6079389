#pragma once

#include <vector>

#include <torch/types.h>

#include "retina/augment/geometry.h"

namespace retina::augment {

/// Sets the holes of a plane (u8 Y,X) to 0 grey levels; the input stays as it is.
at::Tensor coarse_dropout(const at::Tensor& image_YX, const std::vector<Crop>& holes);

/// The same in the plane itself.
void blacken(const at::Tensor& image_YX, const std::vector<Crop>& holes);

}  // namespace retina::augment
