#include "retina/label/runs.h"

#include <cstdlib>
#include <type_traits>

#include <fmt/format.h>

#include "retina/label/groups.h"

namespace retina::label {
namespace {

struct RowStep {
  std::int64_t dz;
  std::int64_t dy;
  std::int64_t reach;
};

/// The neighbouring rows that a scan has already passed.
std::vector<RowStep> earlier_rows(const ComponentRules& rules) {
  std::vector<RowStep> steps;
  for (const auto& [dz, dy] : {std::pair{-1, -1}, {-1, 0}, {-1, 1}, {0, -1}}) {
    if (const auto reach = row_reach(rules, dz, dy)) {
      steps.push_back({dz, dy, *reach});
    }
  }
  return steps;
}

template <class T>
void append_runs(std::span<const T> row, std::int64_t first_x, Target target, Grouping grouping,
                 std::vector<Run>& runs) {
  for (std::size_t x = 0; x < row.size();) {
    const std::size_t begin = x;
    const T value = row[x];
    if (grouping == Grouping::foreground && value != T{0}) {
      while (x < row.size() && row[x] != T{0}) {
        ++x;
      }
    } else {
      while (x < row.size() && row[x] == value) {
        ++x;
      }
    }
    if (value == T{0} && target == Target::objects) {
      continue;
    }
    const auto stored = static_cast<std::int64_t>(value);
    runs.push_back({first_x + static_cast<std::int64_t>(begin),
                    first_x + static_cast<std::int64_t>(x),
                    grouping == Grouping::foreground && stored != 0 ? 1 : stored, 0});
  }
}

void require_labels(const core::Array& values) {
  if (values.channels() != 1 || !core::is_integer(values.dtype())) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = "labels for connected components",
                        .found = fmt::format("{} channels of {}", values.channels(),
                                             core::name_of(values.dtype())),
                        .expected = "one channel of an integer type",
                        .remedy = ""});
  }
}

std::size_t row_number(const core::Box3& box, std::int64_t z, std::int64_t y) {
  return static_cast<std::size_t>((z - box.start[0]) * box.shape[1] + y - box.start[1]);
}

}  // namespace

std::span<Run> RunTable::row(std::int64_t z, std::int64_t y) {
  const std::size_t number = row_number(box, z, y);
  return std::span(runs).subspan(row_starts[number], row_starts[number + 1] - row_starts[number]);
}

RunRow RunTable::row(std::int64_t z, std::int64_t y) const {
  const std::size_t number = row_number(box, z, y);
  return std::span(runs).subspan(row_starts[number], row_starts[number + 1] - row_starts[number]);
}

RunTable find_runs(const core::Array& values, const core::Box3& box, Target target,
                   Grouping grouping) {
  require_labels(values);
  RunTable table{.box = box, .runs = {}, .row_starts = {0}};
  const auto rows = static_cast<std::size_t>(box.shape[0] * box.shape[1]);
  const auto width = static_cast<std::size_t>(box.shape[2]);
  table.row_starts.reserve(rows + 1);
  core::dispatch(values.dtype(), [&]<class T>(T) {
    if constexpr (std::is_integral_v<T>) {
      const auto all = values.values<T>();
      for (std::size_t row = 0; row < rows; ++row) {
        append_runs<T>(all.subspan(row * width, width), box.start[2], target, grouping, table.runs);
        table.row_starts.push_back(table.runs.size());
      }
    }
  });
  return table;
}

std::optional<std::int64_t> row_reach(const ComponentRules& rules, std::int64_t dz,
                                      std::int64_t dy) {
  const auto allowed = static_cast<std::int64_t>(rules.connectivity);
  const std::int64_t steps = std::abs(dz) + std::abs(dy);
  if (steps > allowed || (rules.extent == Extent::slices && dz != 0)) {
    return std::nullopt;
  }
  return steps < allowed ? 1 : 0;
}

std::uint64_t label_block(RunTable& table, const ComponentRules& rules, Target target) {
  Groups groups;
  const std::vector<RowStep> steps = earlier_rows(rules);
  const core::Box3& box = table.box;
  for (std::int64_t z = box.start[0]; z < box.stop()[0]; ++z) {
    for (std::int64_t y = box.start[1]; y < box.stop()[1]; ++y) {
      const std::span<Run> row = table.row(z, y);
      for (const auto& [dz, dy, reach] : steps) {
        if (z + dz < box.start[0] || y + dy < box.start[1] || y + dy >= box.stop()[1]) {
          continue;
        }
        for_each_touch(row, table.row(z + dz, y + dy), reach, [&](Run& run, const Run& other) {
          if (are_alike(run, other, target) && run.label != other.label) {
            run.label = run.label == 0 ? other.label : groups.unite(run.label, other.label);
          }
        });
      }
      // Runs of a row never touch an equal one: what no earlier row claims begins an object.
      for (Run& run : row) {
        if (run.label == 0 && (target == Target::objects || run.value == 0)) {
          run.label = groups.make();
        }
      }
    }
  }
  const std::uint64_t count = groups.renumber();
  for (Run& run : table.runs) {
    run.label = groups.number(run.label);
  }
  return count;
}

}  // namespace retina::label
