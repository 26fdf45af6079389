#pragma once

#include <torch/types.h>

namespace retina::net {

enum class NormActivation { none, relu };

struct FusedGroupNormOptions {
  int groups = 32;
  double eps = 1e-6;
  NormActivation activation = NormActivation::relu;
};

/// activation(GroupNorm(x) + shortcut), differentiable; an undefined shortcut is none. weight_C and
/// bias_C may be float32 where x is bfloat16. float32 and bfloat16 on the CPU take two passes over
/// channels-last memory (statistics in float32), all other tensors torch's own operations.
at::Tensor fused_group_norm(const at::Tensor& x_NCYX, const at::Tensor& weight_C,
                            const at::Tensor& bias_C, const at::Tensor& shortcut_NCYX,
                            const FusedGroupNormOptions& options);

}  // namespace retina::net
