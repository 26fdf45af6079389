#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "retina/core/options.h"
#include "retina/data/dataset.h"

namespace retina::data {

/// One training sample to be: which plane, and the seed of everything random about it.
struct Patch {
  Slice slice;
  std::uint64_t seed = 0;
  std::int64_t epoch = 0;
};

enum class Shuffle {
  each_epoch,       ///< a new permutation every epoch
  same_each_epoch,  ///< the published trainer: one permutation for all epochs
  none              ///< in the order of the dataset
};
constexpr core::EnumTable<Shuffle, 3> enum_table(Shuffle) {
  return {{{Shuffle::each_epoch, "each_epoch"},
           {Shuffle::same_each_epoch, "same_each_epoch"},
           {Shuffle::none, "none"}}};
}

/// An endless stream of patches: sample k is a pure function of (run seed, k), whatever batch,
/// thread or process asks. Every slice occurs once per epoch; epochs follow each other without a
/// gap, so batches may span two.
class Sampler {
 public:
  Sampler(std::vector<Slice> slices, std::uint64_t run_seed, Shuffle shuffle);

  Patch operator()(std::int64_t k) const;
  std::int64_t epoch_length() const { return static_cast<std::int64_t>(slices_.size()); }
  std::int64_t shuffles() const;  ///< permutations drawn so far

 private:
  /// The order of the slices in one epoch.
  struct Order {
    std::int64_t epoch = -1;
    std::vector<std::uint32_t> places;
  };

  std::size_t place(std::int64_t epoch, std::int64_t index) const;
  /// With the mutex held.
  const std::vector<std::uint32_t>& order_of(std::int64_t epoch) const;

  std::vector<Slice> slices_;
  std::uint64_t run_seed_;
  Shuffle shuffle_;
  mutable std::mutex mutex_;  ///< guards what follows
  /// Of the two epochs asked for last, the latest in front: where one ends and the next begins,
  /// readers ask for both in turn.
  mutable std::array<Order, 2> orders_;
  mutable std::int64_t shuffles_ = 0;
};

}  // namespace retina::data
