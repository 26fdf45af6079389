#include "retina/trainer/supervised_task.h"

#include <utility>

#include "retina/data/dataset.h"
#include "retina/tensor/device.h"

namespace retina::trainer {

SupervisedTask::SupervisedTask(std::shared_ptr<net::DenseNetwork> network, Transform transform,
                               loss::SegmentationLossOptions loss, Arithmetic arithmetic)
    : network_(std::move(network)),
      transform_(std::move(transform)),
      loss_(std::move(loss)),
      arithmetic_(arithmetic) {
  loss_.ignore_value = data::kIgnore;
}

TaskOutput SupervisedTask::step(const data::RawBatch& raw, double /*share*/) {
  const data::Batch batch = transform_(raw);
  at::Tensor logits_NKYX;
  {
    const tensor::AutocastGuard autocast(batch.images_NCYX.device().type(),
                                         arithmetic_ == Arithmetic::bf16);
    logits_NKYX = network_->forward(batch.images_NCYX);
  }
  logits_NKYX = logits_NKYX.to(at::kFloat);
  const loss::SegmentationLoss loss = loss::segmentation_loss(logits_NKYX, batch.labels_NYX, loss_);
  return {.loss = loss.total,
          .parts = {{"loss", loss.total.detach()},
                    {"ce", loss.ce.detach()},
                    {"dice", loss.dice.detach()},
                    {"iou", batch_iou(logits_NKYX.detach(), batch.labels_NYX, data::kIgnore)}}};
}

}  // namespace retina::trainer
