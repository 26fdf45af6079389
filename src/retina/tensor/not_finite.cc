#include "retina/tensor/not_finite.h"

#include <cmath>
#include <cstdint>

#include <ATen/ATen.h>
#include <fmt/format.h>

namespace retina::tensor {

std::string not_finite_text(const at::Tensor& values) {
  if (!values.is_floating_point() || values.numel() == 0) {
    return {};
  }
  // one pass without a copy, in which a NaN becomes both of the ends
  const auto [low, high] = at::aminmax(values.detach());
  if (std::isfinite(low.item<double>()) && std::isfinite(high.item<double>())) {
    return {};
  }
  const auto finite = values.detach().isfinite().sum().item<std::int64_t>();
  return fmt::format("{} of {} values are not finite", values.numel() - finite, values.numel());
}

}  // namespace retina::tensor
