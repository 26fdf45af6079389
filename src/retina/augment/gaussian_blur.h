#pragma once

#include <span>

#include <torch/types.h>

namespace retina::augment {

/// Blurs each plane (u8 N,Y,X) with the fixed kernel of its side (1 = none, 3, 5, 7); reflect-101,
/// exact, round half up.
at::Tensor gaussian_blur(const at::Tensor& images_NYX, std::span<const int> sides);

}  // namespace retina::augment
