#include "retina/label/components.h"

#include <array>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace retina::label {
namespace {

using core::Vec3;

/// Provisional labels and which of them are one object. The representative of a group is its
/// smallest member, which is the one met first.
class Groups {
 public:
  std::uint64_t make() {
    parents_.push_back(parents_.size());
    return parents_.size() - 1;
  }
  std::uint64_t find(std::uint64_t label) {
    while (parents_[label] != label) {
      parents_[label] = parents_[parents_[label]];
      label = parents_[label];
    }
    return label;
  }
  std::uint64_t unite(std::uint64_t a, std::uint64_t b) {
    a = find(a);
    b = find(b);
    if (a > b) {
      std::swap(a, b);
    }
    parents_[b] = a;
    return a;
  }
  /// Maps every provisional label to 1..count in order of first appearance; returns count.
  std::uint64_t renumber() {
    std::uint64_t count = 0;
    for (std::uint64_t label = 1; label < parents_.size(); ++label) {
      const std::uint64_t root = parents_[label];  // smaller labels hold their final number by now
      parents_[label] = root == label ? ++count : parents_[root];
    }
    return count;
  }
  std::uint64_t number(std::uint64_t label) const { return parents_[label]; }

 private:
  std::vector<std::uint64_t> parents_{0};
};

/// The neighbours that a C-order scan has already passed.
std::vector<Vec3> earlier_neighbours(Connectivity connectivity) {
  std::vector<Vec3> result;
  for (std::int64_t z = -1; z <= 0; ++z) {
    for (std::int64_t y = -1; y <= 1; ++y) {
      for (std::int64_t x = -1; x <= 1; ++x) {
        const bool earlier = z < 0 || (z == 0 && (y < 0 || (y == 0 && x < 0)));
        const auto steps = std::abs(z) + std::abs(y) + std::abs(x);
        if (earlier && steps <= static_cast<int>(connectivity)) {
          result.push_back({z, y, x});
        }
      }
    }
  }
  return result;
}

template <class T>
void scan(const core::Array& labels, Connectivity connectivity, core::Array& ids, Groups& groups) {
  const Vec3 shape = labels.shape();
  const auto values = labels.values<T>();
  const auto out = ids.values<std::uint64_t>();
  const auto neighbours = earlier_neighbours(connectivity);
  std::size_t here = 0;
  for (std::int64_t z = 0; z < shape[0]; ++z) {
    for (std::int64_t y = 0; y < shape[1]; ++y) {
      for (std::int64_t x = 0; x < shape[2]; ++x, ++here) {
        if (values[here] == T{0}) {
          continue;
        }
        std::uint64_t group = 0;
        for (const auto& [dz, dy, dx] : neighbours) {
          if (z + dz < 0 || y + dy < 0 || y + dy >= shape[1] || x + dx < 0 || x + dx >= shape[2]) {
            continue;
          }
          const auto there = static_cast<std::size_t>(static_cast<std::int64_t>(here) +
                                                      (dz * shape[1] + dy) * shape[2] + dx);
          if (values[there] == values[here] && out[there] != group) {
            group = group == 0 ? out[there] : groups.unite(group, out[there]);
          }
        }
        out[here] = group == 0 ? groups.make() : group;
      }
    }
  }
}

}  // namespace

Components connected_components(const core::Array& labels, Connectivity connectivity) {
  if (labels.channels() != 1 || !core::is_integer(labels.dtype())) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = "labels for connected components",
                        .found = fmt::format("{} channels of {}", labels.channels(),
                                             core::name_of(labels.dtype())),
                        .expected = "one channel of an integer type",
                        .remedy = ""});
  }
  Components result{core::Array(core::DType::u64, 1, labels.shape()), 0};
  Groups groups;
  core::dispatch(labels.dtype(), [&]<class T>(T) {
    if constexpr (std::is_integral_v<T>) {
      scan<T>(labels, connectivity, result.ids, groups);
    }
  });
  result.count = groups.renumber();
  for (std::uint64_t& id : result.ids.values<std::uint64_t>()) {
    id = groups.number(id);
  }
  return result;
}

}  // namespace retina::label
