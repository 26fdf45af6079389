#pragma once

#include <functional>
#include <memory>

#include "retina/loss/segmentation_loss.h"
#include "retina/net/network.h"
#include "retina/trainer/task.h"

namespace retina::trainer {

enum class Arithmetic { fp32, bf16 };

/// Augments raw pixels into what the network trains on, on the device.
using Transform = std::function<data::Batch(const data::RawBatch&)>;

/// Segmentation from labelled pixels. Labels of 255 (data::kIgnore) contribute nothing. Parts:
/// loss, ce, dice, iou (one value per class).
class SupervisedTask final : public Task {
 public:
  SupervisedTask(std::shared_ptr<net::DenseNetwork> network, Transform transform,
                 loss::SegmentationLossOptions loss, Arithmetic arithmetic);
  torch::nn::Module& network() override { return *network_; }
  TaskOutput step(const data::RawBatch& raw, double share) override;

 private:
  std::shared_ptr<net::DenseNetwork> network_;
  Transform transform_;
  loss::SegmentationLossOptions loss_;
  Arithmetic arithmetic_;
};

}  // namespace retina::trainer
