#pragma once

#include <cstdint>

#include <torch/nn/modules/batchnorm.h>

namespace retina::net {

/// Samples of a batch that share BatchNorm statistics, as the processes of the published training
/// do, each of which sees its own samples.
struct GhostNorm {
  std::int64_t group = 0;  ///< samples; 0 = the whole batch. Must divide the batch.
  /// The running statistics follow the mean of all groups' (false: those of the first group).
  bool averaged = false;
};

/// BatchNorm with the statistics of the batch, or of each group of it, then ReLU; updates the
/// running statistics. float32 and bfloat16 go by the passes of fused_group_norm: over
/// channels-last memory a group of samples is one tall image with a norm for each channel.
at::Tensor batch_norm_relu(const at::Tensor& x_NCYX, torch::nn::BatchNorm2dImpl& norm,
                           const GhostNorm& ghost);

}  // namespace retina::net
