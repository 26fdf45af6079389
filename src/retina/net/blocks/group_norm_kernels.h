#pragma once

#include <cstdint>

/// Inner loops of fused_group_norm over rows of channels (channels-last memory), compiled for
/// several instruction sets. Values are float or the bits of bfloat16; sums are float.
namespace retina::net::kernels {

struct Rows {
  std::int64_t rows;      ///< pixels
  std::int64_t channels;  ///< values per pixel, consecutive
};

/// Adds each channel's values and squares over all rows.
void add_moments(const float* x, Rows shape, float* sum, float* square_sum);
void add_moments(const std::uint16_t* x, Rows shape, float* sum, float* square_sum);

/// What is applied to x: x * scale + shift (+ shortcut), then ReLU on request.
struct Affine {
  const float* scale;
  const float* shift;
  bool relu;
};

/// `shortcut` may be null.
void apply_affine(const float* x, const float* shortcut, Rows shape, Affine affine, float* y);
void apply_affine(const std::uint16_t* x, const std::uint16_t* shortcut, Rows shape, Affine affine,
                  std::uint16_t* y);

/// Gradient through the ReLU: masked = y > 0 ? dy : 0 (dy itself where y is null), and each
/// channel's sums of masked * x and masked. `masked` may be dy.
void backward_sums(const float* x, const float* y, const float* dy, Rows shape, float* masked,
                   float* product_sum, float* sum);
void backward_sums(const std::uint16_t* x, const std::uint16_t* y, const std::uint16_t* dy,
                   Rows shape, std::uint16_t* masked, float* product_sum, float* sum);

/// dx = masked * of_masked + x * of_x + offset, each per channel.
struct BackwardFactors {
  const float* of_masked;
  const float* of_x;
  const float* offset;
};
void backward_input(const float* x, const float* masked, Rows shape, BackwardFactors factors,
                    float* dx);
void backward_input(const std::uint16_t* x, const std::uint16_t* masked, Rows shape,
                    BackwardFactors factors, std::uint16_t* dx);

}  // namespace retina::net::kernels
