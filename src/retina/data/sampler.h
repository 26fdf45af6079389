#pragma once

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

 private:
  std::size_t place(std::int64_t epoch, std::int64_t index) const;

  std::vector<Slice> slices_;
  std::uint64_t run_seed_;
  Shuffle shuffle_;
  mutable std::mutex mutex_;  ///< guards the order of the epoch asked for last
  mutable std::vector<std::uint32_t> order_;
  mutable std::int64_t order_epoch_ = -1;
};

}  // namespace retina::data
