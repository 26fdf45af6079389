#pragma once

#include <torch/types.h>

#include "retina/augment/photometry.h"

namespace retina::augment {

/// float32 (v - mean*255) * (1 / (std*255)) of u8 pixels, all three constants rounded to float32
/// (parity README 6.1); any shape.
at::Tensor normalise(const at::Tensor& pixels, const Normalisation& normalisation);

}  // namespace retina::augment
