#pragma once

#include <vector>

#include <torch/types.h>

namespace retina::augment {

/// Which planes of a batch are reversed, one entry per plane.
struct Flips {
  std::vector<int> columns;  ///< 1 = horizontal flip
  std::vector<int> rows;     ///< 1 = vertical flip
};

/// Reverses columns and rows of the chosen planes (any dtype, N,Y,X).
at::Tensor flip(const at::Tensor& images_NYX, const Flips& flips);

}  // namespace retina::augment
