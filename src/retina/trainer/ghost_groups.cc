#include "retina/trainer/ghost_groups.h"

#include <algorithm>
#include <vector>

namespace retina::trainer {
namespace {

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

at::Tensor run_ghost_groups(const torch::nn::Module& network, const GhostBatch& batch,
                            const GroupLoss& loss_of) {
  const std::int64_t size = batch.group > 0 ? batch.group : batch.samples;
  if (size >= batch.samples) {
    return loss_of(0, batch.samples);
  }
  RunningStatistics statistics(network, batch.statistics);
  // the first group comes last: its statistics stay, and the caller propagates its loss
  for (std::int64_t first = size; first < batch.samples; first += size) {
    (loss_of(first, std::min(size, batch.samples - first)) * batch.share).backward();
    const at::NoGradGuard no_grad;
    statistics.restore();
  }
  at::Tensor last = loss_of(0, size);
  const at::NoGradGuard no_grad;
  statistics.finish();
  return last;
}

}  // namespace retina::trainer
