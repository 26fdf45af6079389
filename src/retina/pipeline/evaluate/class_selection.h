#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace retina::pipeline {

/// A class as the user named it.
struct NamedClass {
  std::int64_t id = 0;
  std::string name;
  bool operator==(const NamedClass&) const = default;
};

/// Reads a list of classes. "3" is the class of that id, "3=mitochondria" names it; plain names are
/// the classes 1, 2, ... in their order (0, 1, ... if the first is "background", which is then left
/// out). Usage error for names mixed with ids, empty entries and doubled ids, all at once.
std::vector<NamedClass> parse_classes(const std::vector<std::string>& entries);

}  // namespace retina::pipeline
