#include "retina/net/blocks/std_conv.h"

#include <cmath>

#include <ATen/ATen.h>

namespace retina::net {

at::Tensor standardised(const at::Tensor& weight_OIYX) {
  const auto [variance, mean] = at::var_mean(weight_OIYX, {1, 2, 3}, at::Scalar(0), true);
  return (weight_OIYX - mean) * at::rsqrt(variance + 1e-5);
}

StdConv2dImpl::StdConv2dImpl(const StdConv2dOptions& options) : options_(options) {
  const int k = options.kernel;
  const double bound = 1 / std::sqrt(static_cast<double>(options.in_channels) * k * k);
  weight_ = register_parameter(
      "weight",
      at::empty({options.out_channels, options.in_channels, k, k}).uniform_(-bound, bound));
}

at::Tensor StdConv2dImpl::forward(const at::Tensor& x_NCYX) {
  return at::conv2d(x_NCYX, standardised(weight_), {}, options_.stride, options_.padding);
}

}  // namespace retina::net
