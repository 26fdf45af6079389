#pragma once

#include <string>

#include <torch/types.h>

namespace retina::tensor {

/// "12 of 4096 values are not finite" for floating-point numbers among which are infinities or
/// NaNs; empty if there are none.
std::string not_finite_text(const at::Tensor& values);

}  // namespace retina::tensor
