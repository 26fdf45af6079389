#include "retina/pipeline/reading_options.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace retina::pipeline {

namespace {

constexpr std::string_view kAxisLetters = "tczyx";

bool are_axes(const std::string& axes) {
  std::string sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  return std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end() &&
         axes.find('y') != std::string::npos && axes.find('x') != std::string::npos &&
         axes.find_first_not_of(kAxisLetters) == std::string::npos;
}

}  // namespace

std::vector<Problem> ReadingOptions::validate() const {
  std::vector<Problem> problems;
  if (!axes.empty() && !are_axes(axes)) {
    problems.push_back({.subject = "axes",
                        .found = fmt::format("'{}'", axes),
                        .expected = "letters of t, c, z, y, x, each at most once, y and x among "
                                    "them, in the order stored",
                        .remedy = "such as --axes zyx"});
  }
  const bool positive = std::all_of(voxel_size_nm.begin(), voxel_size_nm.end(),
                                    [](double nm) { return nm > 0 && std::isfinite(nm); });
  if (!positive || (!voxel_size_nm.empty() && voxel_size_nm.size() != 3)) {
    problems.push_back({.subject = "voxel_size_nm",
                        .found = fmt::format("{}", fmt::join(voxel_size_nm, ",")),
                        .expected = "three positive numbers: z,y,x in nm",
                        .remedy = "such as --voxel-size-nm 40,4,4"});
  }
  return problems;
}

store::OpenOptions ReadingOptions::open_options() const {
  throw_if_any(ErrorKind::usage, "how to read the files", validate());
  store::OpenOptions how;
  how.axes = axes;
  if (voxel_size_nm.size() == 3) {
    how.voxel_nm = core::Vec3d{voxel_size_nm[0], voxel_size_nm[1], voxel_size_nm[2]};
  }
  return how;
}

}  // namespace retina::pipeline
