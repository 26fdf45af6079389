#pragma once

#include <string>
#include <utility>
#include <vector>

#include "retina/core/error.h"

namespace retina {

/// Collects problems, so that all of them are told at once.
class ProblemList {
 public:
  void add(const std::vector<Problem>& problems);
  /// Adds the problem unless `holds`.
  void require(bool holds, std::string subject, std::string found, std::string expected,
               std::string remedy = {});
  void at_least(std::string subject, double value, double low);
  void above(std::string subject, double value, double limit);
  /// low <= value <= high
  void within(std::string subject, double value, double low, double high);
  /// low <= value < high
  void below(std::string subject, double value, double low, double high);
  std::vector<Problem> take() { return std::move(list_); }

 private:
  std::vector<Problem> list_;
};

}  // namespace retina
