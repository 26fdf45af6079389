#include "retina/trainer/restoration_task.h"

#include <utility>

#include <fmt/format.h>

#include "retina/loss/restoration_loss.h"
#include "retina/net/blocks/decoder_block.h"
#include "retina/tensor/device.h"

namespace retina::trainer {
namespace {

/// Mean over the images of the standard deviation over their pixels.
at::Tensor spread(const at::Tensor& images_NCYX) {
  return images_NCYX.flatten(1).std(1, /*unbiased=*/false).mean();
}

}  // namespace

RestorationTask::RestorationTask(std::shared_ptr<net::DenseNetwork> network, Transform transform,
                                 RestorationOptions options)
    : network_(std::move(network)), transform_(std::move(transform)), options_(options) {}

RestorationTask::GroupResult RestorationTask::run_group(const TaskInputs& inputs,
                                                        std::int64_t first,
                                                        std::int64_t count) const {
  const at::Tensor input_NCYX = inputs.images_NCYX.narrow(0, first, count);
  at::Tensor output_NCYX;
  {
    const tensor::AutocastGuard autocast(input_NCYX.device().type(),
                                         options_.arithmetic == Arithmetic::bf16);
    output_NCYX = network_->forward(input_NCYX);
  }
  output_NCYX = output_NCYX.to(at::kFloat);
  const double share = static_cast<double>(count) / static_cast<double>(inputs.images_NCYX.size(0));
  return {
      .loss = share * loss::restoration_loss(output_NCYX, inputs.targets.narrow(0, first, count)),
      .output_std = share * spread(output_NCYX.detach())};
}

std::int64_t RestorationTask::set_groups(const at::Tensor& images_NCYX) {
  const std::int64_t group = options_.ghost_batch;
  const bool possible = images_NCYX.is_cuda() && !one_by_one_ && group > 0 &&
                        images_NCYX.size(0) > group && images_NCYX.size(0) % group == 0;
  at_once_ = net::set_ghost_norm(
                 *network_, {.group = possible ? group : 0,
                             .averaged = options_.statistics == GhostStatistics::averaged}) > 0 &&
             possible;
  return at_once_ ? 0 : group;
}

std::string RestorationTask::save_memory() {
  if (!at_once_) {
    return {};
  }
  one_by_one_ = true;
  return fmt::format("groups of {} one after the other", options_.ghost_batch);
}

TaskOutput RestorationTask::compute(const TaskInputs& inputs, double share) {
  at::Tensor loss = at::zeros({}, inputs.images_NCYX.options());
  at::Tensor output_std = at::zeros_like(loss);
  const at::Tensor last = run_ghost_groups(*network_,
                                           {.samples = inputs.images_NCYX.size(0),
                                            .group = set_groups(inputs.images_NCYX),
                                            .share = share,
                                            .statistics = options_.statistics},
                                           [&](std::int64_t first, std::int64_t count) {
                                             const GroupResult group =
                                                 run_group(inputs, first, count);
                                             loss = loss + group.loss.detach();
                                             output_std = output_std + group.output_std;
                                             return group.loss;
                                           });
  const at::NoGradGuard no_grad;
  return {.loss = last,
          .parts = {{"loss", loss},
                    {"output_std", output_std},
                    {"target_std", spread(inputs.targets)},
                    {"input_error", loss::restoration_loss(inputs.images_NCYX, inputs.targets)}}};
}

}  // namespace retina::trainer
