#include "retina/trainer/ghost_groups.h"

#include <algorithm>

#include "retina/trainer/propagate.h"

namespace retina::trainer {

RunningStatistics::RunningStatistics(const torch::nn::Module& network, GhostStatistics kind)
    : kind_(kind) {
  for (const at::Tensor& buffer : network.buffers()) {
    buffers_.push_back(buffer);
    before_.push_back(buffer.clone());
  }
}

void RunningStatistics::restore() {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    if (kind_ == GhostStatistics::averaged && buffers_[i].is_floating_point()) {
      add(i);
    }
    buffers_[i].copy_(before_[i]);
  }
  ++pieces_;
}

/// The buffers are replaced, not written: the backward pass that is to come refuses tensors that
/// were written since.
void RunningStatistics::finish() {
  if (kind_ == GhostStatistics::first || pieces_ == 0) {
    return;
  }
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    if (buffers_[i].is_floating_point()) {
      add(i);
      buffers_[i].set_data(sums_[i] / static_cast<double>(pieces_ + 1));
    }
  }
}

void RunningStatistics::start_over() {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < buffers_.size(); ++i) {
    buffers_[i].copy_(before_[i]);
  }
  sums_.clear();
  pieces_ = 0;
}

void RunningStatistics::add(std::size_t i) {
  sums_.resize(buffers_.size());
  sums_[i] = sums_[i].defined() ? sums_[i] + buffers_[i] : buffers_[i].clone();
}

at::Tensor run_ghost_groups(const torch::nn::Module& network, const GhostBatch& batch,
                            const GroupLoss& loss_of) {
  const std::int64_t size = batch.group > 0 ? batch.group : batch.samples;
  if (size >= batch.samples) {
    return loss_of(0, batch.samples);
  }
  RunningStatistics statistics(network, batch.statistics);
  // the first group comes last: its statistics stay, and the caller propagates its loss
  for (std::int64_t first = size; first < batch.samples; first += size) {
    propagate(loss_of(first, std::min(size, batch.samples - first)) * batch.share);
    statistics.restore();
  }
  at::Tensor last = loss_of(0, size);
  statistics.finish();
  return last;
}

}  // namespace retina::trainer
