#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/options.h"

namespace retina::fuzz {

enum class Mode { fast, exact };
constexpr core::EnumTable<Mode, 2> enum_table(Mode) {
  return {{{Mode::fast, "fast"}, {Mode::exact, "exact"}}};
}

struct Inner {
  double rate = 0.5;
  std::vector<double> range;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("rate", self.rate, "a number");
    visit("range", self.range, "numbers");
  }
};

/// Options of every kind that the program has.
struct Configuration {
  std::string input;
  std::string output;
  int size = 224;
  std::uint8_t small = 1;
  std::uint64_t seed = 0;
  bool overwrite = false;
  Mode mode = Mode::fast;
  std::optional<double> threshold;
  std::vector<std::string> classes;
  std::map<std::string, int> labels;
  Inner inner;

  template <class Self, class Visitor>
  static void fields(Self& self, Visitor&& visit) {
    visit("input", self.input, "a path");
    visit("output", self.output, "a path");
    visit("size", self.size, "a whole number");
    visit("small", self.small, "a small one");
    visit("seed", self.seed, "a large one");
    visit("overwrite", self.overwrite, "a switch");
    visit("mode", self.mode, "a choice");
    visit("threshold", self.threshold, "a number or none");
    visit("classes", self.classes, "names");
    visit("labels", self.labels, "numbers by name");
    visit("inner", self.inner, "a table");
  }
};

}  // namespace retina::fuzz
