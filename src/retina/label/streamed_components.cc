#include "retina/label/streamed_components.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/file.h"

namespace retina::label {
namespace {

ComponentRules effective_rules(ComponentRules rules, Target target) {
  if (target == Target::background) {
    rules.connectivity = Connectivity::faces;
    rules.grouping = Grouping::by_value;
  }
  return rules;
}

std::size_t offset(std::int64_t position, std::int64_t start) {
  return static_cast<std::size_t>(position - start);
}

}  // namespace

StreamedComponents::StreamedComponents(const BlockGrid& grid, const ComponentRules& rules,
                                       Target target, std::int64_t max_bytes)
    : grid_(grid), rules_(effective_rules(rules, target)), target_(target), max_bytes_(max_bytes) {
  below_.resize(static_cast<std::size_t>(grid.shape()[1]));
  layer_.resize(below_.size());
}

void StreamedComponents::add(const core::Array& values) {
  const core::Box3 box = grid_.box(next_block_++);
  RunTable table = find_runs(values, box, target_, rules_.grouping);
  require_room(label_block(table, rules_, target_));
  const std::uint64_t base = groups_.size();
  first_parts_.push_back(base + 1);
  for (Run& run : table.runs) {
    run.label += run.label == 0 ? 0 : base;
  }
  if (box.start[2] == 0) {  // a new row of blocks
    behind_ = std::exchange(band_, Frontier(static_cast<std::size_t>(box.shape[0])));
    beside_.clear();
    if (box.start[1] == 0) {  // a new layer
      below_ = std::exchange(layer_, Frontier(layer_.size()));
      behind_.clear();
    }
  }
  take_facts(table);
  if (target_ == Target::background) {
    note_surroundings(table);
  }
  stitch(table);
  advance_frontiers(table);
}

std::int64_t StreamedComponents::bytes() const {
  std::size_t runs = 0;
  for (const Frontier* frontier : {&below_, &layer_, &behind_, &band_, &beside_}) {
    for (const auto& row : *frontier) {
      runs += row.size();
    }
  }
  return static_cast<std::int64_t>(
      runs * sizeof(Run) + facts_.size() * static_cast<std::size_t>(kBytesPerPart) +
      numbers_.size() * sizeof(std::uint64_t) + objects_.size() * sizeof(ObjectFacts));
}

void StreamedComponents::require_room(std::uint64_t more_parts) const {
  const std::int64_t needed = bytes() + static_cast<std::int64_t>(more_parts) * kBytesPerPart;
  if (needed > max_bytes_) {
    const bool holes = target_ == Target::background;
    throw Error(
        ErrorKind::resource,
        Problem{.subject = holes ? "filling holes" : "finding objects",
                .found = fmt::format("{} parts of {} after {} of {} blocks need {}",
                                     groups_.size() + more_parts, holes ? "background" : "objects",
                                     next_block_, grid_.count(), core::format_size(needed)),
                .expected = fmt::format("at most {}", core::format_size(max_bytes_)),
                .remedy =
                    "raise --max-ram, or have fewer and larger objects, as by predicting with "
                    "a higher --threshold"});
  }
}

bool StreamedComponents::reaches_border(std::int64_t z, std::int64_t y, const Run& run) const {
  const core::Vec3& shape = grid_.shape();
  return y == 0 || y + 1 == shape[1] || run.begin == 0 || run.end == shape[2] ||
         (rules_.extent == Extent::volume && (z == 0 || z + 1 == shape[0]));
}

std::int64_t StreamedComponents::common_label(std::int64_t a, std::int64_t b) {
  if (a == kNoLabel || b == kNoLabel) {
    return a == kNoLabel ? b : a;
  }
  return a == b ? a : 0;
}

void StreamedComponents::take_facts(const RunTable& table) {
  const core::Vec3& shape = grid_.shape();
  const core::Box3& box = table.box;
  for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
    for (std::int64_t y = box.start[1]; y < box.stop()[1]; ++y) {
      for (const Run& run : table.row(z, y)) {
        if (run.label == 0) {
          continue;
        }
        if (run.label == facts_.size()) {
          groups_.make();
          const auto first = static_cast<std::uint64_t>((z * shape[1] + y) * shape[2] + run.begin);
          facts_.push_back({first, 0, target_ == Target::objects ? run.value : kNoLabel});
        }
        ObjectFacts& facts = facts_[run.label];
        facts.voxels += static_cast<std::uint64_t>(run.end - run.begin);
        if (target_ == Target::background && reaches_border(z, y, run)) {
          facts.value = 0;
        }
      }
    }
  }
}

/// Which labels the background touches within the block.
void StreamedComponents::note_surroundings(const RunTable& table) {
  const core::Box3& box = table.box;
  for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
    for (std::int64_t y = box.start[1]; y < box.stop()[1]; ++y) {
      const RunRow row = table.row(z, y);
      for (std::size_t i = 1; i < row.size(); ++i) {
        meet(row[i], row[i - 1]);
      }
      if (y > box.start[1]) {
        meet(row, table.row(z, y - 1), 0, -1);
      }
      if (z > box.start[0]) {
        meet(row, table.row(z - 1, y), -1, 0);
      }
    }
  }
}

void StreamedComponents::meet(const Run& run, const Run& other) {
  if (are_alike(run, other, target_)) {
    if (groups_.find(run.label) != groups_.find(other.label)) {
      groups_.unite(run.label, other.label);
    }
  } else if (target_ == Target::background && (run.value == 0 || other.value == 0)) {
    ObjectFacts& facts = facts_[run.value == 0 ? run.label : other.label];
    facts.value = common_label(facts.value, run.value == 0 ? other.value : run.value);
  }
}

void StreamedComponents::meet(RunRow row, RunRow earlier, std::int64_t dz, std::int64_t dy) {
  if (const auto reach = row_reach(rules_, dz, dy)) {
    for_each_touch(row, earlier, *reach,
                   [&](const Run& run, const Run& other) { meet(run, other); });
  }
}

/// Joins the objects of a block to those of the blocks before it.
void StreamedComponents::stitch(const RunTable& table) {
  const core::Box3& box = table.box;
  const core::Vec3 stop = box.stop();
  for (std::int64_t z = box.start[0]; z < stop[0]; ++z) {
    for (std::int64_t y = box.start[1]; y < stop[1]; ++y) {
      const RunRow row = table.row(z, y);
      for (std::int64_t step = -1; step <= 1 && !row.empty(); ++step) {
        if (z == box.start[0] && z > 0 && y + step >= 0 && y + step < grid_.shape()[1]) {
          meet(row, below_[offset(y + step, 0)], -1, step);
        }
        if (z + step < box.start[0] || z + step >= stop[0]) {
          continue;
        }
        if (y == box.start[1] && y > 0) {
          meet(row, behind_[offset(z + step, box.start[0])], step, -1);
        }
        for (std::int64_t dy = -1; dy <= 1 && !beside_.empty(); ++dy) {
          if (y + dy >= box.start[1] && y + dy < stop[1]) {
            const std::size_t plane = offset(z + step, box.start[0]);
            meet(row,
                 beside_[plane * static_cast<std::size_t>(box.shape[1]) +
                         offset(y + dy, box.start[1])],
                 step, dy);
          }
        }
      }
    }
  }
}

/// Keeps the faces of a block that later blocks meet.
void StreamedComponents::advance_frontiers(const RunTable& table) {
  const core::Box3& box = table.box;
  const core::Vec3 stop = box.stop();
  const auto append = [](std::vector<Run>& row, RunRow more) {
    row.insert(row.end(), more.begin(), more.end());
  };
  beside_.assign(static_cast<std::size_t>(box.shape[0] * box.shape[1]), {});
  for (std::int64_t z = box.start[0]; z < stop[0]; ++z) {
    for (std::int64_t y = box.start[1]; y < stop[1]; ++y) {
      const RunRow row = table.row(z, y);
      if (z + 1 == stop[0]) {
        append(layer_[offset(y, 0)], row);
      }
      if (y + 1 == stop[1]) {
        append(band_[offset(z, box.start[0])], row);
      }
      if (!row.empty() && row.back().end == stop[2] && stop[2] < grid_.shape()[2]) {
        beside_[offset(z, box.start[0]) * static_cast<std::size_t>(box.shape[1]) +
                offset(y, box.start[1])]
            .push_back(row.back());
      }
    }
  }
}

void StreamedComponents::finish() {
  for (std::uint64_t part = 1; part < facts_.size(); ++part) {
    const std::uint64_t root = groups_.find(part);
    if (root != part) {
      ObjectFacts& object = facts_[root];
      object.first_voxel = std::min(object.first_voxel, facts_[part].first_voxel);
      object.voxels += facts_[part].voxels;
      object.value = common_label(object.value, facts_[part].value);
    }
  }
  std::vector<std::uint64_t> roots;
  for (std::uint64_t part = 1; part < facts_.size(); ++part) {
    if (groups_.find(part) == part) {
      roots.push_back(part);
    }
  }
  std::sort(roots.begin(), roots.end(), [&](std::uint64_t a, std::uint64_t b) {
    return facts_[a].first_voxel < facts_[b].first_voxel;
  });
  numbers_.assign(facts_.size(), 0);
  objects_.reserve(roots.size());
  for (const std::uint64_t root : roots) {
    objects_.push_back(facts_[root]);
    numbers_[root] = objects_.size();
  }
  for (std::uint64_t part = 1; part < facts_.size(); ++part) {
    numbers_[part] = numbers_[groups_.find(part)];
  }
  facts_ = {};
  groups_ = {};
  for (Frontier* frontier : {&below_, &layer_, &behind_, &band_, &beside_}) {
    *frontier = {};
  }
}

void StreamedComponents::for_each_run(std::int64_t number, const core::Array& values,
                                      const RunVisitor& visit) const {
  RunTable table = find_runs(values, grid_.box(number), target_, rules_.grouping);
  label_block(table, rules_, target_);
  const std::uint64_t first = first_parts_.at(static_cast<std::size_t>(number));
  const core::Box3& box = table.box;
  for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
    for (std::int64_t y = box.start[1]; y < box.stop()[1]; ++y) {
      for (Run& run : table.row(z, y)) {
        if (run.label != 0) {
          run.label = numbers_[first + run.label - 1];
          visit(z, y, run);
        }
      }
    }
  }
}

core::Array StreamedComponents::ids(std::int64_t number, const core::Array& values,
                                    const std::vector<std::uint64_t>& names) const {
  core::Array ids(core::DType::u64, 1, values.shape());
  const core::Box3 box = grid_.box(number);
  const auto out = ids.values<std::uint64_t>();
  for_each_run(number, values, [&](std::int64_t z, std::int64_t y, const Run& run) {
    const auto row = ((z - box.start[0]) * box.shape[1] + y - box.start[1]) * box.shape[2];
    const auto from = out.begin() + (row + run.begin - box.start[2]);
    std::fill(from, from + (run.end - run.begin), names.empty() ? run.label : names[run.label]);
  });
  return ids;
}

}  // namespace retina::label
