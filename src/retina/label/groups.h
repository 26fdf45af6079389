#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace retina::label {

/// Union-find over labels 1, 2, ...; 0 is the background. The representative of a group is its
/// smallest member, which is the one made first.
class Groups {
 public:
  std::uint64_t make() {
    parents_.push_back(parents_.size());
    return parents_.size() - 1;
  }
  /// The labels made so far.
  std::uint64_t size() const { return parents_.size() - 1; }

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

  /// Maps every label to 1..count in order of first appearance; returns count.
  std::uint64_t renumber() {
    std::uint64_t count = 0;
    for (std::uint64_t label = 1; label < parents_.size(); ++label) {
      const std::uint64_t root = parents_[label];  // smaller labels hold their final number by now
      parents_[label] = root == label ? ++count : parents_[root];
    }
    return count;
  }
  /// After renumber().
  std::uint64_t number(std::uint64_t label) const { return parents_[label]; }

 private:
  std::vector<std::uint64_t> parents_{0};
};

}  // namespace retina::label
