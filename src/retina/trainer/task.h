#pragma once

#include <functional>
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

/// What the network sees and what it is to give, for a batch, on the device.
struct TaskInputs {
  at::Tensor images_NCYX;  ///< float32 (normalised)
  at::Tensor targets;      ///< int64 class ids [n,y,x], 255 = ignore; images [n,c,y,x]; ...
};

/// Augments raw pixels into what the network trains on, on the device.
using Transform = std::function<TaskInputs(const data::RawBatch&)>;

/// What is particular to a kind of learning: it makes inputs and targets from raw pixels, runs the
/// network and computes the loss. The loop does the rest.
class Task {
 public:
  virtual ~Task() = default;
  virtual torch::nn::Module& network() = 0;
  /// Augments raw pixels.
  virtual TaskInputs prepare(const data::RawBatch& raw) = 0;
  /// `share`: of the samples of the training step that `inputs` are. The caller weights the loss
  /// that is returned with it; a task that propagates others itself weights those.
  virtual TaskOutput compute(const TaskInputs& inputs, double share) = 0;
  TaskOutput step(const data::RawBatch& raw, double share) { return compute(prepare(raw), share); }
  /// Out of memory: takes less of it for the same step from now on, and says how; empty = cannot.
  virtual std::string save_memory() { return {}; }
  /// True if compute() does the same operations on the same memory in every step, so that a GPU can
  /// repeat them from a recording.
  virtual bool is_repeatable() const { return false; }
  /// State beyond the network (queues, second networks) for the checkpoint, and back.
  virtual tensor::NamedTensors state() const { return {}; }
  virtual void load_state(const tensor::NamedTensors&, const std::string& /*source*/) {}
};

}  // namespace retina::trainer
