#include "retina/net/blocks/ghost_batch_norm.h"

#include <ATen/ATen.h>

#include "retina/net/blocks/fused_group_norm.h"

namespace retina::net {
namespace {

/// The samples of each group below each other: [n,c,y,x] as [n / group, c, group * y, x], a view of
/// channels-last memory.
at::Tensor stacked(const at::Tensor& x_NCYX, std::int64_t group) {
  return x_NCYX.contiguous(at::MemoryFormat::ChannelsLast)
      .permute({0, 2, 3, 1})
      .view({x_NCYX.size(0) / group, group * x_NCYX.size(2), x_NCYX.size(3), x_NCYX.size(1)})
      .permute({0, 3, 1, 2});
}

at::Tensor unstacked(const at::Tensor& y_GCYX, const at::Tensor& like_NCYX) {
  return y_GCYX.contiguous(at::MemoryFormat::ChannelsLast)
      .permute({0, 2, 3, 1})
      .view({like_NCYX.size(0), like_NCYX.size(2), like_NCYX.size(3), like_NCYX.size(1)})
      .permute({0, 3, 1, 2});
}

/// `mean_rstd_GC2`: of the groups; `values`: that each of them is of.
void update_running(torch::nn::BatchNorm2dImpl& norm, const at::Tensor& mean_rstd_GC2,
                    std::int64_t values, bool averaged) {
  const at::NoGradGuard no_grad;
  const at::Tensor statistics = (averaged ? mean_rstd_GC2 : mean_rstd_GC2.narrow(0, 0, 1))
                                    .to(norm.running_mean.scalar_type());
  const auto count = static_cast<double>(values);
  // a channel that is the same everywhere may come out a rounding below 0
  const at::Tensor variance_GC =
      (statistics.select(2, 1).pow(-2) - norm.options.eps()).clamp_min(0);
  const double momentum = norm.options.momentum().value();
  norm.running_mean.lerp_(statistics.select(2, 0).mean(0), momentum);
  norm.running_var.lerp_(variance_GC.mean(0) * (count / (count - 1)), momentum);
  norm.num_batches_tracked.add_(1);
}

}  // namespace

at::Tensor batch_norm_relu(const at::Tensor& x_NCYX, torch::nn::BatchNorm2dImpl& norm,
                           const GhostNorm& ghost) {
  const std::int64_t group = ghost.group > 0 ? ghost.group : x_NCYX.size(0);
  TORCH_CHECK(x_NCYX.size(0) % group == 0, "groups of ", group, " in a batch of ", x_NCYX.size(0));
  const NormWithStatistics result =
      fused_norm_with_statistics(stacked(x_NCYX, group), norm.weight, norm.bias,
                                 {.groups = static_cast<int>(x_NCYX.size(1)),
                                  .eps = norm.options.eps(),
                                  .activation = NormActivation::relu});
  update_running(norm, result.mean_rstd_NG2, group * x_NCYX.size(2) * x_NCYX.size(3),
                 ghost.averaged);
  return unstacked(result.y_NCYX, x_NCYX);
}

}  // namespace retina::net
