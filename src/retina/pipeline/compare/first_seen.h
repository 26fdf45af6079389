#pragma once

#include <algorithm>
#include <utility>
#include <vector>

namespace retina::pipeline {

/// The first of a list that `matches`; `otherwise`, put at its end, where there is none.
template <class T, class Matches>
T& found_or_added(std::vector<T>& list, const Matches& matches, T otherwise) {
  const auto found = std::find_if(list.begin(), list.end(), matches);
  return found != list.end() ? *found : list.emplace_back(std::move(otherwise));
}

/// What is `alike`, together, in the order of the first of each.
template <class T, class Alike>
std::vector<std::vector<T>> together(const std::vector<T>& list, const Alike& alike) {
  std::vector<std::vector<T>> sets;
  for (const T& one : list) {
    found_or_added(sets, [&](const auto& set) { return alike(set.front(), one); }, {})
        .push_back(one);
  }
  return sets;
}

}  // namespace retina::pipeline
