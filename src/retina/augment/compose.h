#pragma once

#include <vector>

#include <torch/types.h>

#include "retina/augment/geometry.h"
#include "retina/augment/photometry.h"

namespace retina::augment {

/// One sample: the pixels of its geometry's box, and all its draws.
struct Sample {
  at::Tensor image_YX;   ///< u8, the pixels of geometry.box, on the CPU
  at::Tensor labels_YX;  ///< u8 class ids, or undefined
  Geometry geometry;
  Photometry photometry;
};

struct AugmentedBatch {
  at::Tensor images_NCYX;  ///< float32, C = 1, normalised
  at::Tensor clean_NCYX;   ///< the same before grey table, noise, blur and holes, where asked for
  at::Tensor labels_NYX;   ///< int64 class ids, or undefined
};

/// Which code applies the composed transform; the values are the same.
enum class Path { automatic, fused_cpu, tensors };
/// What a batch holds: the degraded images, or the clean ones too (image restoration).
enum class Wanted { images, images_and_clean };

/// Applies the draws to a batch on `device`. Application::composed: one resample per sample (on the
/// CPU a fused kernel, one sample per thread). Application::published: each step of retina.md 3.4
/// (or, with the rotation first, of 2.2) rounded to uint8. All samples have labels, or none has.
AugmentedBatch make_batch(const std::vector<Sample>& samples, const Recipe& recipe,
                          const Normalisation& normalisation, const at::Device& device,
                          Path path = Path::automatic, Wanted wanted = Wanted::images);

}  // namespace retina::augment
