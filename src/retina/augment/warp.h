#pragma once

#include <vector>

#include <torch/types.h>

#include "retina/augment/geometry.h"

namespace retina::augment {

/// The pixels of one geometry's window and the way from the output to them.
struct WarpSource {
  at::Tensor image_YX;   ///< u8
  at::Tensor labels_YX;  ///< u8, or undefined
  SourceMap map;
};

struct WarpedPlanes {
  at::Tensor images_NYX;  ///< u8
  at::Tensor labels_NYX;  ///< u8, or undefined
};

/// One bilinear resample (labels nearest) of a ragged batch in tensor operations, on any device:
/// the same values as render_sample.
WarpedPlanes warp_batch(const std::vector<WarpSource>& sources, int size, const at::Device& device);

}  // namespace retina::augment
