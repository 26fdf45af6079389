#include "retina/label/components.h"

#include <algorithm>

#include "retina/label/runs.h"

namespace retina::label {

Components connected_components(const core::Array& labels, const ComponentRules& rules) {
  Components result;
  RunTable table = find_runs(labels, core::whole(labels.shape()), Target::objects, rules.grouping);
  result.count = label_block(table, rules, Target::objects);
  result.ids = core::Array(core::DType::u64, 1, labels.shape());
  const auto ids = result.ids.values<std::uint64_t>();
  const auto width = static_cast<std::size_t>(labels.shape()[2]);
  for (std::size_t row = 0; row + 1 < table.row_starts.size(); ++row) {
    for (std::size_t i = table.row_starts[row]; i < table.row_starts[row + 1]; ++i) {
      const Run& run = table.runs[i];
      std::fill(ids.begin() + static_cast<std::ptrdiff_t>(row * width) + run.begin,
                ids.begin() + static_cast<std::ptrdiff_t>(row * width) + run.end, run.label);
    }
  }
  return result;
}

Components connected_components(const core::Array& labels, Connectivity connectivity) {
  return connected_components(labels, ComponentRules{.connectivity = connectivity});
}

}  // namespace retina::label
