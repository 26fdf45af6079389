#pragma once

#include <torch/types.h>

namespace retina::net::passes {

/// True if the kernels below take a weight: float32 on a CUDA device.
bool cuda_standardises(const at::Tensor& weight_OIYX);

struct Standardised {
  at::Tensor weight_OIYX;   ///< of the type that was asked, channels-last
  at::Tensor mean_rstd_O2;  ///< float32
};

/// standardised() of std_conv.h in one kernel, with a result of `type`, kFloat or kBFloat16.
Standardised cuda_standardise(const at::Tensor& weight_OIYX, at::ScalarType type);

/// The gradient of a weight from that of its standardised one, in one kernel.
at::Tensor cuda_standardise_backward(const at::Tensor& weight_OIYX, const at::Tensor& mean_rstd_O2,
                                     const at::Tensor& gradient_OIYX);

}  // namespace retina::net::passes
