#pragma once

#include <span>

#include <torch/types.h>

#include "retina/augment/photometry.h"

namespace retina::augment {

/// Replaces each pixel of a plane (u8 N,Y,X) by the entry of the plane's table.
at::Tensor apply_grey_tables(const at::Tensor& images_NYX, std::span<const GreyTable> tables);

}  // namespace retina::augment
