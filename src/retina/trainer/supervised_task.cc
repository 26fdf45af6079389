#include "retina/trainer/supervised_task.h"

#include <utility>

#include "retina/data/dataset.h"
#include "retina/tensor/device.h"
#include "retina/trainer/ghost_groups.h"

namespace retina::trainer {

SupervisedTask::SupervisedTask(std::shared_ptr<net::DenseNetwork> network, Transform transform,
                               SupervisedOptions options)
    : network_(std::move(network)), transform_(std::move(transform)), options_(std::move(options)) {
  options_.criterion.ignore_value = data::kIgnore;
}

TaskOutput SupervisedTask::run_group(const TaskInputs& inputs) const {
  at::Tensor logits_NKYX;
  {
    const tensor::AutocastGuard autocast(inputs.images_NCYX.device().type(),
                                         options_.arithmetic == Arithmetic::bf16);
    logits_NKYX = network_->forward(inputs.images_NCYX);
  }
  logits_NKYX = logits_NKYX.to(at::kFloat);
  const loss::SegmentationLoss loss =
      loss::segmentation_loss(logits_NKYX, inputs.targets, options_.criterion);
  return {.loss = loss.total,
          .parts = {{"loss", loss.total.detach()},
                    {"ce", loss.ce.detach()},
                    {"dice", loss.dice.detach()},
                    {"iou", batch_iou(logits_NKYX.detach(), inputs.targets, data::kIgnore)}}};
}

TaskOutput SupervisedTask::compute(const TaskInputs& inputs, double share) {
  const std::int64_t samples = inputs.images_NCYX.size(0);
  std::vector<Part> parts;
  const at::Tensor last = run_ghost_groups(
      *network_, {.samples = samples, .group = options_.ghost_batch, .share = share},
      [&](std::int64_t first, std::int64_t count) -> at::Tensor {
        const bool is_whole = count == samples;
        const double of_batch = static_cast<double>(count) / static_cast<double>(samples);
        const TaskOutput group = run_group(
            is_whole ? inputs
                     : TaskInputs{.images_NCYX = inputs.images_NCYX.narrow(0, first, count),
                                  .targets = inputs.targets.narrow(0, first, count)});
        add_share(parts, group.parts, of_batch);
        return is_whole ? group.loss : group.loss * of_batch;
      });
  return {.loss = last, .parts = std::move(parts)};
}

}  // namespace retina::trainer
