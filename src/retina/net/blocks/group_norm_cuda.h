#pragma once

#include "retina/net/blocks/group_norm_passes.h"

namespace retina::net::passes {

/// True if the kernels below take x: float32 or bfloat16 on a CUDA device, channels that fill whole
/// packs of 16 bytes.
bool cuda_takes(const at::Tensor& x_NCYX);

/// As many passes over the memory as on the CPU: two in each direction. Results do not depend on
/// the order in which the device works.
ForwardResult cuda_forward(const Arguments& arguments);
void cuda_backward(const Gradients& tensors);

}  // namespace retina::net::passes
