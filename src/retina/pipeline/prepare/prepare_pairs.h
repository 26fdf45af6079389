#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "retina/core/error.h"

namespace retina::pipeline {

struct PlannedPair {
  std::string name;  ///< of both files, without extension
  std::filesystem::path image;
  std::filesystem::path mask;
};

struct PairedFiles {
  std::vector<PlannedPair> pairs;  ///< in natural order of their names
  std::vector<Problem> problems;   ///< files without a partner, numbers used twice, no pair at all
};

/// Pairs the images of a folder with the masks of another by the number that ends their names, so
/// that mask0012.png belongs to 12.png; by the whole name where it ends with no number. A pair is
/// called as its image is, without what comes before a dot: "a_orig.12.png" becomes "12".
PairedFiles pair_by_number(const std::filesystem::path& images, const std::filesystem::path& masks);

}  // namespace retina::pipeline
