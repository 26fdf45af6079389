#include "retina/trainer/restoration_task.h"

#include <algorithm>
#include <utility>

#include "retina/loss/restoration_loss.h"
#include "retina/tensor/device.h"

namespace retina::trainer {
namespace {

/// Mean over the images of the standard deviation over their pixels.
at::Tensor spread(const at::Tensor& images_NCYX) {
  return images_NCYX.flatten(1).std(1, /*unbiased=*/false).mean();
}

/// The running statistics of a network while the groups of a batch go through it: each group
/// starts from those before the batch.
class RunningStatistics {
 public:
  RunningStatistics(const torch::nn::Module& network, GhostStatistics kind) : kind_(kind) {
    for (const at::Tensor& buffer : network.buffers()) {
      buffers_.push_back(buffer);
      before_.push_back(buffer.clone());
    }
  }

  /// After a group whose statistics do not stay.
  void restore() {
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      if (kind_ == GhostStatistics::averaged && buffers_[i].is_floating_point()) {
        add(i);
      }
      buffers_[i].copy_(before_[i]);
    }
    ++groups_;
  }

  /// After the last group, whose statistics are in the buffers. They are replaced, not written: the
  /// backward pass that is to come refuses tensors that were written since.
  void finish() {
    if (kind_ == GhostStatistics::first || groups_ == 0) {
      return;
    }
    for (std::size_t i = 0; i < buffers_.size(); ++i) {
      if (buffers_[i].is_floating_point()) {
        add(i);
        buffers_[i].set_data(sums_[i] / static_cast<double>(groups_ + 1));
      }
    }
  }

 private:
  void add(std::size_t i) {
    sums_.resize(buffers_.size());
    sums_[i] = sums_[i].defined() ? sums_[i] + buffers_[i] : buffers_[i].clone();
  }

  GhostStatistics kind_;
  std::vector<at::Tensor> buffers_, before_, sums_;
  int groups_ = 0;
};

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
  const std::int64_t samples = batch.inputs_NCYX.size(0);
  const std::int64_t size = options_.ghost_batch > 0 ? options_.ghost_batch : samples;
  RunningStatistics statistics(*network_, options_.statistics);
  const auto run = [&](std::int64_t first) {
    return run_group(batch, first, std::min(size, samples - first));
  };
  at::Tensor loss = at::zeros({}, batch.inputs_NCYX.options());
  at::Tensor output_std = at::zeros_like(loss);
  // the first group comes last: its statistics stay, and the loop propagates its loss
  for (std::int64_t first = size; first < samples; first += size) {
    const GroupResult result = run(first);
    (result.loss * share).backward();
    const at::NoGradGuard no_grad;
    loss += result.loss;
    output_std += result.output_std;
    statistics.restore();
  }
  const GroupResult last = run(0);
  const at::NoGradGuard no_grad;
  statistics.finish();
  return {
      .loss = last.loss,
      .parts = {{"loss", loss + last.loss.detach()},
                {"output_std", output_std + last.output_std},
                {"target_std", spread(batch.targets_NCYX)},
                {"input_error", loss::restoration_loss(batch.inputs_NCYX, batch.targets_NCYX)}}};
}

}  // namespace retina::trainer
