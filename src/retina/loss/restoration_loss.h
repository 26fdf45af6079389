#pragma once

#include <torch/types.h>

namespace retina::loss {

/// Mean squared error over all pixels (retina.md 2.3), a scalar float32 tensor with gradient
/// (float64 for float64 outputs). Both [N,C,Y,X].
at::Tensor restoration_loss(const at::Tensor& output_NCYX, const at::Tensor& target_NCYX);

}  // namespace retina::loss
