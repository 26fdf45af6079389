#include "retina/net/blocks/fused_group_norm.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include "retina/net/blocks/group_norm_cuda.h"
#include "retina/net/blocks/group_norm_kernels.h"
#include "retina/net/blocks/group_norm_passes.h"

namespace retina::net {
namespace {

using kernels::Rows;
using passes::Arguments;
using passes::ForwardResult;
using passes::Gradients;
using passes::Layout;
using passes::layout_of;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kSumRows = 256;  ///< pixels summed in float32 before going to float64

at::Tensor channels_last(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

/// The memory of a float32 tensor as float, of a bfloat16 tensor as its bits.
template <class T>
T* values(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<T*>(tensor.data_ptr()) : nullptr;
}

/// Calls `add(first pixel, rows, sums a, sums b)` in steps whose float sums stay exact enough, and
/// returns the totals of both per channel.
template <class Add>
std::pair<std::vector<double>, std::vector<double>> channel_sums(const Layout& layout, Add&& add) {
  const auto channels = static_cast<std::size_t>(layout.channels);
  std::vector<double> total_a(channels), total_b(channels);
  std::vector<float> a(channels), b(channels);
  for (std::int64_t first = 0; first < layout.pixels; first += kSumRows) {
    std::fill(a.begin(), a.end(), 0.0F);
    std::fill(b.begin(), b.end(), 0.0F);
    add(first, Rows{.rows = std::min(kSumRows, layout.pixels - first), .channels = layout.channels},
        a.data(), b.data());
    for (std::size_t c = 0; c < channels; ++c) {
      total_a[c] += static_cast<double>(a[c]);
      total_b[c] += static_cast<double>(b[c]);
    }
  }
  return {std::move(total_a), std::move(total_b)};
}

/// One image: its mean and 1 / standard deviation per group into mean_rstd[2 * groups], then y.
template <class T>
void forward_image(const Arguments& arguments, const Layout& layout, std::int64_t image,
                   float* mean_rstd, const at::Tensor& y) {
  const T* x = values<T>(arguments.x) + image * layout.image_values();
  const auto [sum, square_sum] =
      channel_sums(layout, [&](std::int64_t first, Rows rows, float* a, float* b) {
        kernels::add_moments(x + first * layout.channels, rows, a, b);
      });
  std::vector<float> scale(sum.size()), shift(sum.size());
  const float* weight = arguments.weight.const_data_ptr<float>();
  const float* bias = arguments.bias.const_data_ptr<float>();
  const auto width = static_cast<std::size_t>(layout.group_channels());
  for (std::size_t group = 0; group < static_cast<std::size_t>(layout.groups); ++group) {
    double total = 0;
    double squares = 0;
    for (std::size_t c = group * width; c < (group + 1) * width; ++c) {
      total += sum[c];
      squares += square_sum[c];
    }
    const double mean = total / layout.group_values();
    const double variance = std::max(squares / layout.group_values() - mean * mean, 0.0);
    const double rstd = 1 / std::sqrt(variance + arguments.eps);
    mean_rstd[2 * group] = static_cast<float>(mean);
    mean_rstd[2 * group + 1] = static_cast<float>(rstd);
    for (std::size_t c = group * width; c < (group + 1) * width; ++c) {
      const double factor = rstd * static_cast<double>(weight[c]);
      scale[c] = static_cast<float>(factor);
      shift[c] = static_cast<float>(static_cast<double>(bias[c]) - mean * factor);
    }
  }
  const T* shortcut = values<T>(arguments.shortcut);
  const std::int64_t offset = image * layout.image_values();
  kernels::apply_affine(x, shortcut == nullptr ? nullptr : shortcut + offset,
                        {.rows = layout.pixels, .channels = layout.channels},
                        {.scale = scale.data(), .shift = shift.data(), .relu = arguments.relu},
                        values<T>(y) + offset);
}

ForwardResult cpu_forward(const Arguments& arguments) {
  const std::int64_t groups = arguments.groups;
  const Layout layout = layout_of(arguments.x, groups);
  const ForwardResult result{
      .y = at::empty_like(arguments.x),
      .mean_rstd = at::empty({layout.images, groups, 2}, at::TensorOptions().dtype(at::kFloat))};
  float* mean_rstd = result.mean_rstd.mutable_data_ptr<float>();
  at::parallel_for(0, layout.images, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t image = begin; image < end; ++image) {
      float* statistics = mean_rstd + image * groups * 2;
      if (arguments.x.scalar_type() == at::kFloat) {
        forward_image<float>(arguments, layout, image, statistics, result.y);
      } else {
        forward_image<std::uint16_t>(arguments, layout, image, statistics, result.y);
      }
    }
  });
  return result;
}

template <class T>
void backward_image(const Gradients& tensors, const Layout& layout, std::int64_t image) {
  const std::int64_t offset = image * layout.image_values();
  const T* x = values<T>(tensors.x) + offset;
  const T* y = tensors.y.defined() ? values<T>(tensors.y) + offset : nullptr;
  const T* dy = values<T>(tensors.dy) + offset;
  T* masked = values<T>(tensors.masked) + offset;
  const auto [product_sum, sum] =
      channel_sums(layout, [&](std::int64_t first, Rows rows, float* a, float* b) {
        const std::int64_t at = first * layout.channels;
        kernels::backward_sums(x + at, y == nullptr ? nullptr : y + at, dy + at, rows, masked + at,
                               a, b);
      });
  std::vector<float> of_masked(sum.size()), of_x(sum.size()), shift(sum.size());
  const float* weight = tensors.weight.const_data_ptr<float>();
  const float* mean_rstd = tensors.mean_rstd.const_data_ptr<float>() + image * layout.groups * 2;
  float* dweight = tensors.dweight_NC.mutable_data_ptr<float>() + image * layout.channels;
  float* dbias = tensors.dbias_NC.mutable_data_ptr<float>() + image * layout.channels;
  const auto width = static_cast<std::size_t>(layout.group_channels());
  for (std::size_t group = 0; group < static_cast<std::size_t>(layout.groups); ++group) {
    const auto mean = static_cast<double>(mean_rstd[2 * group]);
    const auto rstd = static_cast<double>(mean_rstd[2 * group + 1]);
    double gradient_sum = 0;  // of the gradient with respect to the normalised values
    double product = 0;       // the same times x
    for (std::size_t c = group * width; c < (group + 1) * width; ++c) {
      gradient_sum += static_cast<double>(weight[c]) * sum[c];
      product += static_cast<double>(weight[c]) * product_sum[c];
      dweight[c] = static_cast<float>(rstd * (product_sum[c] - mean * sum[c]));
      dbias[c] = static_cast<float>(sum[c]);
    }
    const double slope =
        -rstd * rstd * rstd * (product - mean * gradient_sum) / layout.group_values();
    const double constant = -rstd * gradient_sum / layout.group_values() - slope * mean;
    for (std::size_t c = group * width; c < (group + 1) * width; ++c) {
      of_masked[c] = static_cast<float>(rstd * static_cast<double>(weight[c]));
      of_x[c] = static_cast<float>(slope);
      shift[c] = static_cast<float>(constant);
    }
  }
  kernels::backward_input(
      x, masked, {.rows = layout.pixels, .channels = layout.channels},
      {.of_masked = of_masked.data(), .of_x = of_x.data(), .offset = shift.data()},
      values<T>(tensors.dx) + offset);
}

void cpu_backward(const Gradients& tensors) {
  const Layout layout = layout_of(tensors.x, tensors.groups);
  at::parallel_for(0, layout.images, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t image = begin; image < end; ++image) {
      if (tensors.x.scalar_type() == at::kFloat) {
        backward_image<float>(tensors, layout, image);
      } else {
        backward_image<std::uint16_t>(tensors, layout, image);
      }
    }
  });
}

class FusedGroupNorm : public torch::autograd::Function<FusedGroupNorm> {
 public:
  /// y, and mean and rstd.
  static variable_list forward(AutogradContext* context, const at::Tensor& x,
                               const at::Tensor& weight, const at::Tensor& bias,
                               const std::optional<at::Tensor>& shortcut, std::int64_t groups,
                               double eps, bool relu) {
    const Arguments arguments{
        .x = channels_last(x),
        .weight = weight.to(at::kFloat).contiguous(),
        .bias = bias.to(at::kFloat).contiguous(),
        .shortcut = shortcut ? channels_last(shortcut->to(x.scalar_type())) : at::Tensor(),
        .groups = groups,
        .eps = eps,
        .relu = relu};
    ForwardResult result = x.is_cuda() ? passes::cuda_forward(arguments) : cpu_forward(arguments);
    context->save_for_backward(
        {arguments.x, arguments.weight, relu ? result.y : at::Tensor(), result.mean_rstd});
    context->saved_data["groups"] = groups;
    context->saved_data["shortcut"] = shortcut.has_value();
    context->mark_non_differentiable({result.mean_rstd});
    return {result.y, result.mean_rstd};
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    Gradients tensors{.x = saved[0],
                      .weight = saved[1],
                      .y = saved[2],
                      .dy = channels_last(gradients[0].to(saved[0].scalar_type())),
                      .mean_rstd = saved[3],
                      .groups = context->saved_data["groups"].toInt(),
                      .masked = {},
                      .dx = at::empty_like(saved[0]),
                      .dweight_NC = {},
                      .dbias_NC = {}};
    tensors.masked = tensors.y.defined() ? at::empty_like(tensors.x) : tensors.dy;
    tensors.dweight_NC =
        at::empty({tensors.x.size(0), tensors.x.size(1)}, tensors.weight.options());
    tensors.dbias_NC = at::empty_like(tensors.dweight_NC);
    if (tensors.x.is_cuda()) {
      passes::cuda_backward(tensors);
    } else {
      cpu_backward(tensors);
    }
    const bool has_shortcut = context->saved_data["shortcut"].toBool();
    return {tensors.dx,
            tensors.dweight_NC.sum(0),
            tensors.dbias_NC.sum(0),
            has_shortcut ? tensors.masked : at::Tensor(),
            {},
            {},
            {}};
  }
};

/// That torch's own operations compute in.
at::ScalarType exact_type(const at::Tensor& x) {
  const at::ScalarType type = x.scalar_type();
  return type == at::kBFloat16 || type == at::kHalf ? at::kFloat : type;
}

variable_list apply_fused(const at::Tensor& x_NCYX, const at::Tensor& weight_C,
                          const at::Tensor& bias_C, const at::Tensor& shortcut_NCYX,
                          const FusedGroupNormOptions& options) {
  std::optional<at::Tensor> shortcut;  // apply() takes no undefined tensors
  if (shortcut_NCYX.defined()) {
    shortcut = shortcut_NCYX;
  }
  return FusedGroupNorm::apply(x_NCYX, weight_C, bias_C, shortcut,
                               static_cast<std::int64_t>(options.groups), options.eps,
                               options.activation == NormActivation::relu);
}

}  // namespace

bool has_norm_kernels(const at::Tensor& x_NCYX) {
  const bool has_type = x_NCYX.scalar_type() == at::kFloat || x_NCYX.scalar_type() == at::kBFloat16;
  return passes::cuda_takes(x_NCYX) || (x_NCYX.is_cpu() && has_type && x_NCYX.numel() > 0);
}

at::Tensor fused_group_norm(const at::Tensor& x_NCYX, const at::Tensor& weight_C,
                            const at::Tensor& bias_C, const at::Tensor& shortcut_NCYX,
                            const FusedGroupNormOptions& options) {
  if (has_norm_kernels(x_NCYX)) {
    return apply_fused(x_NCYX, weight_C, bias_C, shortcut_NCYX, options)[0];
  }
  const at::ScalarType exact = exact_type(x_NCYX);
  at::Tensor y = at::group_norm(x_NCYX.to(exact), options.groups, weight_C.to(exact),
                                bias_C.to(exact), options.eps)
                     .to(x_NCYX.scalar_type());
  if (shortcut_NCYX.defined()) {
    y = y + shortcut_NCYX;
  }
  return options.activation == NormActivation::relu ? y.relu_() : y;
}

NormWithStatistics fused_norm_with_statistics(const at::Tensor& x_NCYX, const at::Tensor& weight_C,
                                              const at::Tensor& bias_C,
                                              const FusedGroupNormOptions& options) {
  if (has_norm_kernels(x_NCYX)) {
    const variable_list results = apply_fused(x_NCYX, weight_C, bias_C, {}, options);
    return {.y_NCYX = results[0], .mean_rstd_NG2 = results[1]};
  }
  const Layout layout = layout_of(x_NCYX, options.groups);
  const at::ScalarType exact = exact_type(x_NCYX);
  const auto [y_NCYX, mean_NG, rstd_NG] = at::native_group_norm(
      x_NCYX.to(exact).contiguous(), weight_C.to(exact), bias_C.to(exact), layout.images,
      layout.channels, layout.pixels, layout.groups, options.eps);
  const bool relu = options.activation == NormActivation::relu;
  return {.y_NCYX = (relu ? y_NCYX.relu() : y_NCYX).to(x_NCYX.scalar_type()),
          .mean_rstd_NG2 = at::stack({mean_NG, rstd_NG}, -1).detach().to(at::kFloat)};
}

}  // namespace retina::net
