#pragma once

#include <torch/types.h>

namespace retina::tensor {

/// `host` on `device`. To a GPU by way of page-locked memory and without waiting: the copy takes
/// its place in the device's queue behind the work given before, and the process goes on giving it
/// more. A plain `to(device)`, and a tensor of over 64 MiB, waits for all of that first.
at::Tensor upload(const at::Tensor& host, const at::Device& device);

}  // namespace retina::tensor
