#pragma once

#include <array>
#include <cstdint>
#include <span>

#include <torch/types.h>

#include "retina/augment/resized_crop.h"

namespace retina::augment {

/// Rotates each plane (u8 N,Y,X) counter-clockwise by its angle (degrees) about (w/2 - 0.5, h/2 -
/// 0.5) on the same canvas, reflect-101, with the fixed-point coordinates (1/32 pixel) and weights
/// (1/1024) of OpenCV 4.8. Angle 0 changes nothing.
at::Tensor rotate(const at::Tensor& images_NYX, std::span<const double> degrees,
                  Interpolation interpolation);

/// Where rotate() reads: source x = m0*x + m1*y + m2, source y = m3*x + m4*y + m5.
std::array<double, 6> rotation_source(double degrees, std::int64_t height, std::int64_t width);

}  // namespace retina::augment
