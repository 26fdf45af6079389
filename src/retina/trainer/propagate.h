#pragma once

#include <torch/types.h>

namespace retina::trainer {

/// The backward pass of a loss; usage error where nothing that it depends on is trained.
void propagate(const at::Tensor& loss);

}  // namespace retina::trainer
