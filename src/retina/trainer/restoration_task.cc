#include "retina/trainer/restoration_task.h"

#include <utility>

#include "retina/loss/restoration_loss.h"
#include "retina/tensor/device.h"

namespace retina::trainer {
namespace {

/// Mean over the images of the standard deviation over their pixels.
at::Tensor spread(const at::Tensor& images_NCYX) {
  return images_NCYX.flatten(1).std(1, /*unbiased=*/false).mean();
}

}  // namespace

RestorationTask::RestorationTask(std::shared_ptr<net::DenseNetwork> network,
                                 RestorationTransform transform, RestorationOptions options)
    : network_(std::move(network)), transform_(std::move(transform)), options_(options) {}

RestorationTask::GroupResult RestorationTask::run_group(const RestorationBatch& batch,
                                                        std::int64_t first,
                                                        std::int64_t count) const {
  const at::Tensor input_NCYX = batch.inputs_NCYX.narrow(0, first, count);
  at::Tensor output_NCYX;
  {
    const tensor::AutocastGuard autocast(input_NCYX.device().type(),
                                         options_.arithmetic == Arithmetic::bf16);
    output_NCYX = network_->forward(input_NCYX);
  }
  output_NCYX = output_NCYX.to(at::kFloat);
  const double share = static_cast<double>(count) / static_cast<double>(batch.inputs_NCYX.size(0));
  return {.loss = share *
                  loss::restoration_loss(output_NCYX, batch.targets_NCYX.narrow(0, first, count)),
          .output_std = share * spread(output_NCYX.detach())};
}

TaskOutput RestorationTask::step(const data::RawBatch& raw, double share) {
  const RestorationBatch batch = transform_(raw);
  at::Tensor loss = at::zeros({}, batch.inputs_NCYX.options());
  at::Tensor output_std = at::zeros_like(loss);
  const at::Tensor last = run_ghost_groups(*network_,
                                           {.samples = batch.inputs_NCYX.size(0),
                                            .group = options_.ghost_batch,
                                            .share = share,
                                            .statistics = options_.statistics},
                                           [&](std::int64_t first, std::int64_t count) {
                                             const GroupResult group =
                                                 run_group(batch, first, count);
                                             loss = loss + group.loss.detach();
                                             output_std = output_std + group.output_std;
                                             return group.loss;
                                           });
  const at::NoGradGuard no_grad;
  return {
      .loss = last,
      .parts = {{"loss", loss},
                {"output_std", output_std},
                {"target_std", spread(batch.targets_NCYX)},
                {"input_error", loss::restoration_loss(batch.inputs_NCYX, batch.targets_NCYX)}}};
}

}  // namespace retina::trainer
