#pragma once

#include <cstdint>

#include <torch/types.h>

/// The passes that fused_group_norm is made of, on the CPU and on CUDA. All tensors of pixels are
/// channels-last and of one type, float32 or bfloat16; sums and factors are float32.
namespace retina::net::passes {

struct Arguments {
  at::Tensor x, weight, bias, shortcut;  ///< weight, bias [c] float32; shortcut may be undefined
  std::int64_t groups;
  double eps;
  bool relu;
};

struct ForwardResult {
  at::Tensor y;
  at::Tensor mean_rstd;  ///< [images, groups, 2] float32: mean and 1 / standard deviation
};

/// Tensors of the backward pass. y is undefined without ReLU; then `masked` is dy.
struct Gradients {
  at::Tensor x, weight, y, dy, mean_rstd;
  std::int64_t groups;
  at::Tensor masked, dx;            ///< written
  at::Tensor dweight_NC, dbias_NC;  ///< written; per image, float32
};

/// Images as rows of channels.
struct Layout {
  std::int64_t images, pixels, channels, groups;

  std::int64_t image_values() const { return pixels * channels; }
  std::int64_t group_channels() const { return channels / groups; }
  double group_values() const { return static_cast<double>(group_channels() * pixels); }
};

inline Layout layout_of(const at::Tensor& x_NCYX, std::int64_t groups) {
  return {.images = x_NCYX.size(0),
          .pixels = x_NCYX.size(2) * x_NCYX.size(3),
          .channels = x_NCYX.size(1),
          .groups = groups};
}

}  // namespace retina::net::passes
