#pragma once

#include <cstdint>
#include <span>

#include <torch/types.h>

namespace retina::augment {

/// One standard normal plane per seed, float32 N,Y,X: a pure function of (seed, pixel number), the
/// same on every device and in render_sample.
at::Tensor standard_normal(std::span<const std::uint64_t> seeds, std::int64_t height,
                           std::int64_t width, const at::Device& device);

/// Adds noise (grey levels) to u8 planes in float32, clips to 0..255, truncates.
at::Tensor add_noise(const at::Tensor& images_NYX, const at::Tensor& noise_NYX);

}  // namespace retina::augment
