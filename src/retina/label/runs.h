#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "retina/core/array.h"
#include "retina/label/components.h"

namespace retina::label {

/// Voxels of one value that follow each other along x.
struct Run {
  std::int64_t begin = 0;  ///< x in the whole volume
  std::int64_t end = 0;
  std::int64_t value = 0;
  std::uint64_t label = 0;  ///< of the object, once known; 0 = of none
};
using RunRow = std::span<const Run>;

/// What is looked for in label values.
enum class Target {
  objects,    ///< regions of non-zero voxels
  background  ///< regions of zeros; the runs of other values are kept as their surroundings
};

/// The runs of one block, row by row.
struct RunTable {
  core::Box3 box;
  std::vector<Run> runs;
  std::vector<std::size_t> row_starts;  ///< one for each row (z, y) in C order, and the end

  /// z, y in the whole volume.
  std::span<Run> row(std::int64_t z, std::int64_t y);
  RunRow row(std::int64_t z, std::int64_t y) const;
};

/// The runs of the values of block `box` of a volume. bad_data unless `values` has one channel of
/// an integer type.
RunTable find_runs(const core::Array& values, const core::Box3& box, Target target,
                   Grouping grouping);

/// How far apart along x voxels of two rows may be that lie (dz, dy) apart and still be neighbours;
/// nothing if no voxels of these rows are.
std::optional<std::int64_t> row_reach(const ComponentRules& rules, std::int64_t dz,
                                      std::int64_t dy);

/// Calls meet(run of a, run of b) for all runs with neighbouring voxels.
template <class RowA, class RowB, class Meet>
void for_each_touch(RowA a, RowB b, std::int64_t reach, Meet&& meet) {
  if (a.empty() || b.empty()) {
    return;
  }
  auto from = std::partition_point(
      b.begin(), b.end(), [&](const Run& run) { return run.end + reach <= a.front().begin; });
  for (auto& run : a) {
    while (from != b.end() && from->end + reach <= run.begin) {
      ++from;
    }
    for (auto other = from; other != b.end() && other->begin < run.end + reach; ++other) {
      meet(run, *other);
    }
  }
}

/// True if both runs are of one object once they touch.
inline bool are_alike(const Run& a, const Run& b, Target target) {
  return target == Target::objects ? a.value == b.value : a.value == 0 && b.value == 0;
}

/// Labels the runs of a block by its objects, 1..count in scan order of their first runs, as if
/// there were no other block; returns count.
std::uint64_t label_block(RunTable& table, const ComponentRules& rules, Target target);

}  // namespace retina::label
