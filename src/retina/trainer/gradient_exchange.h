#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <torch/nn.h>

#include "retina/trainer/meters.h"
#include "retina/trainer/ranks.h"
#include "retina/trainer/restoration_task.h"

namespace retina::trainer {

struct ExchangeOptions {
  /// Of BatchNorm: each rank's own (rank 0's count), or their mean on every rank.
  GhostStatistics statistics = GhostStatistics::first;
  std::int64_t bucket_bytes = std::int64_t{25} << 20;  ///< of gradients that travel together
};

/// Makes the gradients of a training step means over ranks while the backward pass still runs: as
/// soon as all gradients of a bucket are there, their sum over ranks is started. Buckets hold the
/// parameters against the order of their registration, which is about the order of the backward
/// pass. A parameter is in one from the first step on that gave it a gradient; the parameters that
/// get one must be the same on all ranks.
class GradientExchange {
 public:
  /// `ranks` and `network` outlive this object.
  GradientExchange(Ranks& ranks, torch::nn::Module& network, ExchangeOptions options);
  ~GradientExchange();
  GradientExchange(const GradientExchange&) = delete;
  GradientExchange& operator=(const GradientExchange&) = delete;

  /// The backward pass that follows completes the gradients of the step.
  void begin();
  /// The step failed for want of memory, before begin() or in that backward pass, and is to be
  /// repeated; resource error if other ranks have got gradients from it already.
  void restart();
  /// After it: all gradients are means over ranks, and so are the figures that are returned.
  std::vector<Part> finish(const std::vector<Part>& parts);
  /// Buckets whose sum over ranks has been started since begin().
  std::size_t started() const { return started_; }

 private:
  struct Slot {
    at::Tensor parameter;
    at::Tensor mean;  ///< its place in the bucket
    bool is_filled = false;
  };
  struct Bucket {
    at::Tensor flat;
    std::vector<Slot> slots;
    std::size_t missing = 0;
    std::function<void()> wait;
  };

  void add_buckets();
  void add_bucket(const std::vector<at::Tensor>& parameters);
  void fill(Bucket& bucket, Slot& slot) const;
  void arrived(std::size_t bucket, std::size_t slot);
  void start_full_buckets();
  std::vector<Part> share(const std::vector<Part>& parts);
  std::vector<at::Tensor> mean(const std::vector<at::Tensor>& tensors);

  Ranks& ranks_;
  torch::nn::Module& network_;
  ExchangeOptions options_;
  std::vector<Bucket> buckets_;
  std::vector<at::Tensor> statistics_;  ///< that are averaged
  std::size_t started_ = 0;             ///< buckets whose sum was started
  bool is_completing_ = false;
};

}  // namespace retina::trainer
