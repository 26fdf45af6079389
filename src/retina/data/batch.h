#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <torch/types.h>

#include "retina/core/box.h"

namespace retina::data {

/// What decides a sample before a pixel is read: every draw of its augmentation is a pure function
/// of these.
struct SampleKey {
  std::uint64_t seed = 0;           ///< of this sample: mix({run seed, epoch, index})
  core::Vec3 plane_shape{1, 0, 0};  ///< of the whole plane: 1, y, x
  // uniformly drawn pixels of the plane, {0,y,x}
  std::optional<core::Vec3> foreground{};  ///< none if the plane has none
  std::optional<core::Vec3> known{};       ///< of known label; none where all are known, or none is
};

/// Pixels of one sample as read: uint8, own size (ragged), before any warp.
struct RawSample {
  SampleKey key;
  core::Box3 box;        ///< what was read, in the coordinates of the plane: {0,y,x} + {1,h,w}
  at::Tensor image_YX;   ///< u8, shape h,w of the box
  at::Tensor labels_YX;  ///< u8 class ids, 255 = ignore; undefined for unlabelled data
};

struct RawBatch {
  std::vector<RawSample> samples;
};

}  // namespace retina::data
