#pragma once

#include <torch/types.h>

namespace retina::pipeline {

/// Of the convolution that costs the network most, a 3 x 3 one of its third stage.
double convolution_gflops(const at::Device& device, at::ScalarType dtype);

/// The most that was seen of a product of large square matrices in `seconds`.
double matrix_gflops(const at::Device& device, at::ScalarType dtype, double seconds);

/// The most that was seen in `seconds` of a copy of an array larger than the caches, read and
/// written bytes together; GB = 1e9 bytes.
double copy_gbs(const at::Device& device, double seconds);

}  // namespace retina::pipeline
