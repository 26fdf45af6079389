#pragma once

#include <string>
#include <vector>

#include <torch/nn.h>

#include "retina/data/batch.h"
#include "retina/tensor/safetensors.h"
#include "retina/trainer/meters.h"

namespace retina::trainer {

/// What one training step found.
struct TaskOutput {
  at::Tensor loss;          ///< scalar float32; its backward() completes the gradients
  std::vector<Part> parts;  ///< figures to report, the same in every step
};

/// What is particular to a kind of learning: it makes inputs and targets from raw pixels, runs the
/// network and computes the loss. The loop does the rest.
class Task {
 public:
  virtual ~Task() = default;
  virtual torch::nn::Module& network() = 0;
  /// `share`: of the samples of the training step that `raw` is. The caller weights the loss that
  /// is returned with it; a task that propagates others itself weights those.
  virtual TaskOutput step(const data::RawBatch& raw, double share) = 0;
  /// State beyond the network (queues, second networks) for the checkpoint, and back.
  virtual tensor::NamedTensors state() const { return {}; }
  virtual void load_state(const tensor::NamedTensors&, const std::string& /*source*/) {}
};

}  // namespace retina::trainer
