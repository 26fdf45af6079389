#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "retina/core/array.h"
#include "retina/data/dataset.h"

namespace retina::pipeline {

/// What is kept of a plane to find its doubles: a few bytes, however large it is.
struct PlanePrint {
  std::uint64_t content = 0;  ///< of the pixels in their order
  std::uint64_t turned = 0;  ///< the same for flipped and turned copies: of the histogram and sides
  std::uint64_t labels = 0;
  bool is_constant = false;  ///< one grey value: equal to all of its kind, which means nothing
};

PlanePrint print_of(const data::LabelledPlane& plane);

/// Two planes of one image content.
struct Duplicate {
  std::int64_t first = 0;   ///< number in the list of prints
  std::int64_t second = 0;  ///< a later one
  bool is_turned = false;   ///< flipped or turned by a multiple of 90 degrees
  bool labels_differ = false;
};

/// Every plane that repeats an earlier one, once. `read_image` gives the pixels of a plane by its
/// number: turned copies are told from planes that merely share a histogram by looking at them.
std::vector<Duplicate> find_duplicates(const std::vector<PlanePrint>& prints,
                                       const std::function<core::Array(std::int64_t)>& read_image);

}  // namespace retina::pipeline
