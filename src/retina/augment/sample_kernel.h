#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "retina/augment/geometry.h"
#include "retina/augment/photometry.h"
#include "retina/core/box.h"

namespace retina::augment {

/// A plane of bytes in row order.
struct PlaneView {
  const std::uint8_t* data = nullptr;
  std::int64_t height = 0, width = 0;
};

/// The window of a geometry, made from the pixels of its box by reflect-101 at the borders of the
/// plane. Only needed where window and box differ (see window_is_box).
std::vector<std::uint8_t> reflect_window(const PlaneView& box_pixels, const Geometry& geometry);
bool window_is_box(const Geometry& geometry);

/// Everything that one sample needs on the CPU.
struct SampleJob {
  PlaneView image;   ///< pixels of the window
  PlaneView labels;  ///< class ids of the window; data null if there are none
  SourceMap map;
  int size = 0;  ///< side of the output
  GreyTable table{};
  float noise_sigma = 0;  ///< grey levels; 0 = none
  std::uint64_t noise_seed = 0;
  int blur_side = 1;
  NormalisationConstants normalisation;
  const std::vector<Crop>* holes = nullptr;  ///< of the output, set to 0; null = none
  float* clean = nullptr;  ///< if not null receives size*size pixels that are warped and no more
};

/// The composed transform of one sample in one pass over the output: warp (bilinear; labels
/// nearest), grey table, noise, blur, normalisation. `image` receives size*size float32, `labels`
/// size*size class ids (may be null without labels). warp_batch (tensors) gives the same values.
void render_sample(const SampleJob& job, float* image, std::int64_t* labels);

/// Side of the fixed-point grid of bilinear weights: coordinates are rounded to 1/2048 pixel.
inline constexpr int kWeightBits = 11;

}  // namespace retina::augment
