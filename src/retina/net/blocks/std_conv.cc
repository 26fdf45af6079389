#include "retina/net/blocks/std_conv.h"

#include <cmath>

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include "retina/net/blocks/std_conv_cuda.h"

namespace retina::net {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// standardised() on CUDA, in the type that a convolution takes there.
class Standardise : public torch::autograd::Function<Standardise> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& weight_OIYX, bool bf16) {
    const passes::Standardised result =
        passes::cuda_standardise(weight_OIYX, bf16 ? at::kBFloat16 : at::kFloat);
    context->save_for_backward({weight_OIYX, result.mean_rstd_O2});
    return result.weight_OIYX;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    return {passes::cuda_standardise_backward(saved[0], saved[1], gradients[0]), {}};
  }
};

}  // namespace

at::Tensor standardised(const at::Tensor& weight_OIYX) {
  if (passes::cuda_standardises(weight_OIYX)) {
    const bool bf16 = at::autocast::is_autocast_enabled(at::kCUDA) &&
                      at::autocast::get_autocast_dtype(at::kCUDA) == at::kBFloat16;
    return Standardise::apply(weight_OIYX, bf16);
  }
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
