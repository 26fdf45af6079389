#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "retina/core/array.h"
#include "retina/metric/overlap.h"

namespace retina::metric {

/// How often each pair (truth label, predicted label) occurs. Addable over blocks in any order, so
/// a volume of any size is counted exactly in little memory, and every count of every class follows
/// from one pass.
class Confusion {
 public:
  /// (truth label, predicted label)
  using Pair = std::pair<std::int64_t, std::int64_t>;

  /// More distinct pairs than this mean instance labels, not classes; they are refused.
  static constexpr std::size_t kMaxPairs = 1U << 18U;

  /// Counts two label arrays of equal shape (any integer type; uint64 wraps as in read_labels).
  void add(const core::Array& prediction, const core::Array& truth);

  const std::map<Pair, std::int64_t>& pairs() const { return pairs_; }
  std::set<std::int64_t> truth_labels() const;
  std::set<std::int64_t> predicted_labels() const;
  std::int64_t voxels() const;

  /// The same voxels with every pair replaced; pairs for which `map` gives nothing are left out.
  Confusion mapped(const std::function<std::optional<Pair>(Pair)>& map) const;

  /// tp, fp and fn of one class.
  OverlapCounts overlap(std::int64_t class_id) const;

 private:
  void count(Pair pair, std::int64_t voxels);

  std::map<Pair, std::int64_t> pairs_;
};

}  // namespace retina::metric
