#pragma once

#include <string>
#include <utility>
#include <vector>

#include <torch/types.h>

#include "retina/core/json.h"
#include "retina/tensor/safetensors.h"

namespace retina::trainer {

/// A named figure of a training step: a scalar, or one value per class. On the device, detached.
struct Part {
  std::string name;
  at::Tensor value;
};

/// total += share * values, part by part; the values themselves for a share of 1.
void add_share(std::vector<Part>& total, const std::vector<Part>& values, double share);

/// Intersection over union of each class within one batch, [K] float32, as the published training
/// meter: (I + 1e-5) / (U + 1e-5). logits_NKYX: K = 1 predicts where the logit is over 0, K > 1
/// counts softmax probabilities. Pixels whose label is `ignore_value` count nowhere.
at::Tensor batch_iou(const at::Tensor& logits_NKYX, const at::Tensor& labels_NYX, int ignore_value);

/// Exponential means of the figures of training steps (published: momentum 0.98, bias-corrected).
/// Kept on the device; only value() waits for it.
class Meters {
 public:
  explicit Meters(double momentum = 0.98) : momentum_(momentum) {}
  void add(const std::vector<Part>& parts);
  /// {"loss": 0.41, "iou/0": 0.9, "iou/1": 0.5}: figures of several values are numbered.
  Json value() const;
  /// The same figures of the last step alone; nothing before the first one.
  Json last() const;

  /// Sums for the checkpoint, and back.
  tensor::NamedTensors state() const;
  void load_state(const tensor::NamedTensors& state, const std::string& source);

 private:
  struct Mean {
    std::string name;
    at::Tensor sum;     ///< double precision
    at::Tensor last{};  ///< of the last step; undefined after load_state()
  };
  double momentum_;
  std::int64_t count_ = 0;
  std::vector<Mean> means_;
};

}  // namespace retina::trainer
