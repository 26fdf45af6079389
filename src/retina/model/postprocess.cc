#include "retina/model/postprocess.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace retina::model {

std::vector<Problem> Postprocess::validate() const {
  constexpr std::array kNeighbours{0, 4, 8, 6, 18, 26};
  std::vector<Problem> problems;
  if (min_object_size < 0) {
    problems.push_back({.subject = "min_object_size",
                        .found = fmt::format("{}", min_object_size),
                        .expected = "0 or more voxels"});
  }
  if (!(min_object_nm3 >= 0)) {
    problems.push_back({.subject = "min_object_nm3",
                        .found = fmt::format("{}", min_object_nm3),
                        .expected = "0 or more cubic nanometres"});
  }
  if (std::find(kNeighbours.begin(), kNeighbours.end(), instances) == kNeighbours.end()) {
    problems.push_back({.subject = "instances",
                        .found = fmt::format("{}", instances),
                        .expected = "6, 18 or 26 neighbours; 4 or 8 within slices; 0 = no ids"});
  }
  return problems;
}

Postprocess PostprocessChanges::over(const Postprocess& base) const {
  Postprocess result = base;
  result.min_object_size = min_object_size.value_or(base.min_object_size);
  result.min_object_nm3 = min_object_nm3.value_or(base.min_object_nm3);
  result.fill_holes = fill_holes.value_or(base.fill_holes);
  result.instances = instances.value_or(base.instances);
  return result;
}

}  // namespace retina::model
