#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include <torch/types.h>

#include "retina/core/progress.h"
#include "retina/data/batch.h"
#include "retina/trainer/ghost_groups.h"
#include "retina/trainer/gradient_exchange.h"
#include "retina/trainer/graphed_step.h"
#include "retina/trainer/meters.h"
#include "retina/trainer/task.h"

namespace retina::trainer {

struct BatchGradientsOptions {
  GradientExchange* exchange = nullptr;  ///< with other ranks; null = one process alone
  bool cuda_graph = true;                ///< repeat whole batches from a recording, if alone
  /// Of BatchNorm, where a batch is taken in parts.
  GhostStatistics statistics = GhostStatistics::first;
};

/// Gradients of the mean loss over batches of raw pixels. Where memory does not suffice for a batch
/// at once, the task first saves memory as it can (Task::save_memory()); then batches are taken in
/// parts, halved until they fit, from there on. The log of `context` is warned of each.
class BatchGradients {
 public:
  /// `task` and the exchange outlive this object.
  BatchGradients(Task& task, BatchGradientsOptions options, const core::Context& context);

  /// Leaves the gradients, means over ranks, in the network's parameters, which have none yet; the
  /// figures of the step. Resource error where one sample alone does not fit, or where other ranks
  /// have got gradients already; usage error where nothing is trained.
  std::vector<Part> compute(const data::RawBatch& raw);

 private:
  std::vector<Part> compute_whole(const data::RawBatch& raw);
  std::vector<Part> compute_in_parts(const data::RawBatch& raw, RunningStatistics& statistics);
  void compute_part(const data::RawBatch& raw, std::size_t begin, std::vector<Part>& parts);
  void backward(const at::Tensor& loss, bool completes);
  void take_less_memory(std::size_t batch);

  Task& task_;
  BatchGradientsOptions options_;
  std::shared_ptr<spdlog::logger> log_;
  GraphedStep graphed_;                                                  ///< of whole batches
  std::size_t most_at_once_ = std::numeric_limits<std::int32_t>::max();  ///< samples
  std::int64_t fitted_steps_ = 0;  ///< since memory last did not suffice
};

}  // namespace retina::trainer
