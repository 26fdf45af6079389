#pragma once

#include <torch/types.h>

namespace retina::net {

/// x at twice its side, bilinear with align_corners, and the channels of `skip`, of that side,
/// behind its own; an undefined skip is none. Differentiable. On CUDA one kernel for each
/// direction, in the type of x, where torch's would go through float32 and separate copies;
/// elsewhere, and for channels that do not fill packs of 16 bytes, torch's own operations.
at::Tensor upsample_concat(const at::Tensor& x_NCYX, const at::Tensor& skip_NCYX);

}  // namespace retina::net
