#include "retina/core/problem_list.h"

#include <fmt/format.h>

namespace retina {

void ProblemList::add(const std::vector<Problem>& problems) {
  list_.insert(list_.end(), problems.begin(), problems.end());
}

void ProblemList::require(bool holds, std::string subject, std::string found, std::string expected,
                          std::string remedy) {
  if (!holds) {
    list_.push_back({std::move(subject), std::move(found), std::move(expected), std::move(remedy)});
  }
}

void ProblemList::at_least(std::string subject, double value, double low) {
  require(value >= low, std::move(subject), fmt::format("{}", value),
          fmt::format("{} or more", low));
}

void ProblemList::above(std::string subject, double value, double limit) {
  require(value > limit, std::move(subject), fmt::format("{}", value),
          fmt::format("more than {}", limit));
}

void ProblemList::within(std::string subject, double value, double low, double high) {
  require(value >= low && value <= high, std::move(subject), fmt::format("{}", value),
          fmt::format("{} to {}", low, high));
}

void ProblemList::below(std::string subject, double value, double low, double high) {
  require(value >= low && value < high, std::move(subject), fmt::format("{}", value),
          fmt::format("at least {} and under {}", low, high));
}

}  // namespace retina
