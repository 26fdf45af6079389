#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <torch/types.h>

#include "retina/trainer/heartbeat_times.h"
#include "retina/trainer/rank_place.h"

namespace retina::trainer {

/// The processes that train together, seen from one of them: its number, and what they say to each
/// other. All ranks call the functions marked "together" in the same order. A rank that dies or
/// hangs ends the others: see `Lost`. One process alone says nothing, and none of this costs
/// anything.
class Ranks {
 public:
  /// Called once, from a thread, with the message about a rank that is lost. It should end the
  /// process, since the communication that waits for that rank cannot be interrupted.
  using Lost = std::function<void(const std::string&)>;

  /// Meets the others; resource error if they do not come within five minutes.
  Ranks(const RankPlace& place, Lost lost, HeartbeatTimes times = {});
  /// Tells the others that this one has failed, unless leave() was called.
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  std::int64_t rank() const { return rank_; }
  std::int64_t count() const { return count_; }
  bool alone() const { return count_ == 1; }
  /// True for rank 0, which alone writes.
  bool leads() const { return rank_ == 0; }
  /// Number among the ranks of this machine.
  std::int64_t local_rank() const { return local_rank_; }
  /// "rank 1 (node7, process 4711)"
  std::string name(std::int64_t rank) const;

  /// The device whose tensors are to be exchanged, beside those of the CPU. Together.
  void use(at::Device device);

  /// Starts adding `tensor` up over all ranks, in place; the call of what is returned waits for it.
  /// Together.
  std::function<void()> start_sum(const at::Tensor& tensor);
  /// Figures added up over all ranks. Together.
  std::vector<double> sum(std::vector<double> figures);
  /// Rank 0's values take the place of the others'. Together.
  void broadcast(const std::vector<at::Tensor>& tensors);
  /// What every rank gave, by rank. Together.
  std::vector<std::string> gather(const std::string& text);

  /// The end of what is done together: nobody waits for this rank, or watches it, any more.
  void leave();

 private:
  struct Group;
  template <class Talk>
  auto blaming(Talk&& talk);

  std::int64_t rank_ = 0;
  std::int64_t count_ = 1;
  std::int64_t local_rank_ = 0;
  std::vector<std::string> names_;
  std::unique_ptr<Group> group_;  ///< null for one process alone
};

}  // namespace retina::trainer
