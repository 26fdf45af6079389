#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include <torch/nn.h>

#include "retina/core/options.h"

namespace retina::trainer {

/// Whose batch statistics become the running statistics of BatchNorm.
enum class GhostStatistics {
  first,    ///< those of the first group: rank 0's, as published
  averaged  ///< the mean of all groups'
};
constexpr core::EnumTable<GhostStatistics, 2> enum_table(GhostStatistics) {
  return {{{GhostStatistics::first, "first"}, {GhostStatistics::averaged, "averaged"}}};
}

/// The running statistics of a network while a batch goes through it piece by piece (its groups, or
/// the parts that memory suffices for): each piece starts from those before the batch. The piece
/// whose statistics stay comes last.
class RunningStatistics {
 public:
  /// Before the batch.
  RunningStatistics(const torch::nn::Module& network, GhostStatistics kind);
  /// After the backward pass of a piece whose statistics do not stay.
  void restore();
  /// After the last piece, whose statistics are in the network; its backward pass may be to come.
  void finish();
  /// As before the batch, which begins anew.
  void start_over();

 private:
  void add(std::size_t i);

  GhostStatistics kind_;
  std::vector<at::Tensor> buffers_, before_, sums_;
  int pieces_ = 0;  ///< restored
};

/// A batch that goes through a network in groups, each with its own BatchNorm statistics.
struct GhostBatch {
  std::int64_t samples = 0;
  std::int64_t group = 0;  ///< samples of a group; 0 = all
  double share = 1;        ///< of the training step's samples, that the batch is
  GhostStatistics statistics = GhostStatistics::first;
};

/// The loss of the samples first .. first+count-1, weighted by their share of the batch.
using GroupLoss = std::function<at::Tensor(std::int64_t first, std::int64_t count)>;

/// Runs the groups one after the other, in the memory of one: what as many processes would do that
/// average their gradients. All losses but that of the first group are propagated here, weighted
/// by `share`; that one is returned, for the caller to propagate. A batch of one group costs
/// nothing more.
at::Tensor run_ghost_groups(const torch::nn::Module& network, const GhostBatch& batch,
                            const GroupLoss& loss_of);

}  // namespace retina::trainer
