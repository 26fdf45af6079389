#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "retina/net/network.h"
#include "retina/trainer/ghost_groups.h"
#include "retina/trainer/supervised_task.h"
#include "retina/trainer/task.h"

namespace retina::trainer {

struct RestorationOptions {
  std::int64_t ghost_batch = 16;  ///< samples that share BatchNorm statistics; 0 = the whole batch
  GhostStatistics statistics = GhostStatistics::first;
  Arithmetic arithmetic = Arithmetic::fp32;
};

/// Image restoration (retina.md 2): mean squared error over all pixels between what the network
/// makes of degraded images and what they were. A batch runs as groups of
/// `ghost_batch`, each with its own BatchNorm statistics: what as many processes would do that
/// average their gradients. On a CPU one after the other, in the memory of one group; on CUDA all
/// at once (net/blocks/ghost_batch_norm.h), where they fill the batch evenly. Parts: loss,
/// output_std and target_std (mean over the images of the standard deviation over pixels), and
/// input_error, the loss of an output equal to the input.
class RestorationTask final : public Task {
 public:
  RestorationTask(std::shared_ptr<net::DenseNetwork> network, Transform transform,
                  RestorationOptions options);
  torch::nn::Module& network() override { return *network_; }
  TaskInputs prepare(const data::RawBatch& raw) override { return transform_(raw); }
  TaskOutput compute(const TaskInputs& inputs, double share) override;
  /// Averaged statistics take new memory in every step.
  bool is_repeatable() const override { return options_.statistics == GhostStatistics::first; }
  std::string save_memory() override;

 private:
  struct GroupResult {
    at::Tensor loss;        ///< weighted by the group's share of the batch, with gradient
    at::Tensor output_std;  ///< likewise weighted
  };
  GroupResult run_group(const TaskInputs& inputs, std::int64_t first, std::int64_t count) const;
  /// Has the network form the groups itself, where that is possible; samples that go through it
  /// together, 0 = all.
  std::int64_t set_groups(const at::Tensor& images_NCYX);

  std::shared_ptr<net::DenseNetwork> network_;
  Transform transform_;
  RestorationOptions options_;
  bool at_once_ = false;     ///< all groups, in the last step
  bool one_by_one_ = false;  ///< memory does not suffice for all groups
};

}  // namespace retina::trainer
