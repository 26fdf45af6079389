#include "retina/pipeline/range_of_set.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>

#include <fmt/format.h>

#include "retina/core/finite.h"

namespace retina::pipeline {
namespace {

constexpr std::uint64_t kRangeSeed = 0;     // the range of a set does not depend on the run
constexpr std::size_t kImagesOfRange = 16;  // that are looked at

/// Those that stand for all.
std::vector<const core::Volume*> some_of(const std::vector<const core::Volume*>& images) {
  std::vector<const core::Volume*> some;
  const std::size_t step = std::max<std::size_t>(1, images.size() / kImagesOfRange);
  for (std::size_t i = 0; i < images.size(); i += step) {
    some.push_back(images[i]);
  }
  return some;
}

/// From the least to the greatest value of the ranges of the images.
core::IntensityRange sampled_range(const std::vector<const core::Volume*>& images) {
  core::IntensityRange range = core::estimate_range(*images.front(), kRangeSeed);
  for (std::size_t i = 1; i < images.size(); ++i) {
    const core::IntensityRange other = core::estimate_range(*images[i], kRangeSeed);
    range = {.low = std::min(range.low, other.low), .high = std::max(range.high, other.high)};
  }
  return range;
}

/// One speaks for all: a data set is warned of once.
std::string first_non_finite_note(const std::vector<const core::Volume*>& images) {
  std::string note;
  for (std::size_t i = 0; i < images.size() && note.empty(); ++i) {
    note = core::non_finite_note(images[i]->info().source,
                                 core::sample_finite(*images[i], kRangeSeed));
  }
  return note;
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
    found.range = sampled_range(some_of(mapped));
  }
  found.note = first_non_finite_note(some_of(mapped));
  return found;
}

}  // namespace retina::pipeline
