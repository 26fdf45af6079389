#pragma once

#include <cstdint>
#include <memory>

#include "retina/loss/segmentation_loss.h"
#include "retina/net/network.h"
#include "retina/trainer/task.h"

namespace retina::trainer {

enum class Arithmetic { fp32, bf16 };

struct SupervisedOptions {
  loss::SegmentationLossOptions criterion{};
  Arithmetic arithmetic = Arithmetic::fp32;
  std::int64_t ghost_batch = 0;  ///< samples that share BatchNorm statistics and loss; 0 = all
};

/// Segmentation from labelled pixels. Labels of 255 (data::kIgnore) contribute nothing. A batch
/// runs as groups of `ghost_batch` (ghost_groups.h), each with a loss of its own, as the processes
/// of the published training do; the running statistics are the first group's. Parts, means over
/// the groups: loss, ce, dice, iou (one value per class).
class SupervisedTask final : public Task {
 public:
  SupervisedTask(std::shared_ptr<net::DenseNetwork> network, Transform transform,
                 SupervisedOptions options);
  torch::nn::Module& network() override { return *network_; }
  TaskInputs prepare(const data::RawBatch& raw) override { return transform_(raw); }
  TaskOutput compute(const TaskInputs& inputs, double share) override;
  bool is_repeatable() const override { return options_.criterion.class_weights.empty(); }

 private:
  TaskOutput run_group(const TaskInputs& inputs) const;

  std::shared_ptr<net::DenseNetwork> network_;
  Transform transform_;
  SupervisedOptions options_;
};

}  // namespace retina::trainer
