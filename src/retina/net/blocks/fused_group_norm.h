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
/// bias_C may be float32 where x is bfloat16. float32 and bfloat16, on the CPU and on CUDA, take
/// two passes over channels-last memory (statistics in float32), all other tensors, and on CUDA
/// numbers of channels that are not multiples of 8 (4 in float32), torch's own operations.
at::Tensor fused_group_norm(const at::Tensor& x_NCYX, const at::Tensor& weight_C,
                            const at::Tensor& bias_C, const at::Tensor& shortcut_NCYX,
                            const FusedGroupNormOptions& options);

struct NormWithStatistics {
  at::Tensor y_NCYX;
  at::Tensor mean_rstd_NG2;  ///< of each group of each image; float32, without gradient
};

/// The same without a shortcut, and what the norm was made with.
NormWithStatistics fused_norm_with_statistics(const at::Tensor& x_NCYX, const at::Tensor& weight_C,
                                              const at::Tensor& bias_C,
                                              const FusedGroupNormOptions& options);

/// True for tensors that have kernels of our own.
bool has_norm_kernels(const at::Tensor& x_NCYX);

}  // namespace retina::net
