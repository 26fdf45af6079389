#include "retina/pipeline/range_of_set.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>

#include <fmt/format.h>

namespace retina::pipeline {
namespace {

constexpr std::uint64_t kRangeSeed = 0;     // the range of a set does not depend on the run
constexpr std::size_t kImagesOfRange = 16;  // that are looked at

/// From the least to the greatest value of the ranges of some of the images.
core::IntensityRange sampled_range(const std::vector<const core::Volume*>& images) {
  core::IntensityRange range = core::estimate_range(*images.front(), kRangeSeed);
  const std::size_t step = std::max<std::size_t>(1, images.size() / kImagesOfRange);
  for (std::size_t i = step; i < images.size(); i += step) {
    const core::IntensityRange other = core::estimate_range(*images[i], kRangeSeed);
    range = {.low = std::min(range.low, other.low), .high = std::max(range.high, other.high)};
  }
  return range;
}

}  // namespace

SetRange range_of_set(const std::vector<const core::Volume*>& images,
                      const std::vector<double>& given) {
  std::vector<const core::Volume*> mapped;
  std::set<core::DType> types;
  for (const core::Volume* image : images) {
    if (image->info().dtype != core::DType::u8) {
      mapped.push_back(image);
      types.insert(image->info().dtype);
    }
  }
  SetRange found;
  if (mapped.empty()) {
    return found;
  }
  if (!given.empty()) {
    found.range = {.low = given.at(0), .high = given.at(1)};
  } else if (types.size() > 1) {
    found.problem =
        Problem{.subject = "images",
                .found = fmt::format("{} and {} in one dataset", core::name_of(*types.begin()),
                                     core::name_of(*types.rbegin())),
                .expected = "one type beside uint8, so that one range of values fits all"};
  } else {
    found.range = sampled_range(mapped);
  }
  return found;
}

}  // namespace retina::pipeline
