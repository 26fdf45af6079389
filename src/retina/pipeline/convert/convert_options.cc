#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "retina/core/error.h"
#include "retina/core/narrowing.h"
#include "retina/pipeline/convert/convert.h"
#include "retina/pipeline/convert/pyramid_levels.h"

namespace retina::pipeline {
namespace {

void check_grid(const std::vector<std::int64_t>& zyx, const char* name,
                std::vector<Problem>& problems) {
  const bool positive = std::all_of(zyx.begin(), zyx.end(), [](std::int64_t n) { return n > 0; });
  if (!zyx.empty() && (zyx.size() != 3 || !positive)) {
    problems.push_back({.subject = name,
                        .found = fmt::format("{}", fmt::join(zyx, ",")),
                        .expected = "z,y,x: three whole numbers above 0",
                        .remedy = fmt::format("such as --{} 64,64,64", name)});
  }
}

}  // namespace

std::vector<Problem> ConvertOptions::validate() const {
  std::vector<Problem> problems = reading.validate();
  const auto require = [&](bool good, Problem problem) {
    if (!good) {
      problems.push_back(std::move(problem));
    }
  };
  require(!input.empty(), {.subject = "input", .found = "nothing", .expected = "a path"});
  require(!output.empty(), {.subject = "output",
                            .found = "nothing",
                            .expected = "a path",
                            .remedy = "give one with -o"});
  const auto type = core::parse_dtype(dtype);
  require(dtype.empty() || type, {.subject = "dtype",
                                  .found = fmt::format("'{}'", dtype),
                                  .expected = "u8, u16, u32, u64, i8, i16, i32 or f32"});
  const bool is_range = input_range.size() == 2 && input_range[0] < input_range[1];
  require(input_range.empty() || is_range, {.subject = "input_range",
                                            .found = fmt::format("{}", fmt::join(input_range, ",")),
                                            .expected = "low,high with low below high"});
  require(input_range.empty() || type == core::DType::u8 || type == core::DType::u16,
          {.subject = "input_range",
           .found = dtype.empty() ? "no --dtype" : fmt::format("--dtype {}", dtype),
           .expected = "--dtype u8 or u16, to whose range the values are mapped"});
  require(input_range.empty() || !labels, {.subject = "input_range",
                                           .found = "--labels",
                                           .expected = "intensities: label ids are never mapped"});
  require(parse_pyramid_levels(pyramid).has_value(),
          {.subject = "pyramid",
           .found = fmt::format("'{}'", pyramid),
           .expected = fmt::format("auto, or 0 to {}", kMostPyramidLevels)});
  check_grid(chunk, "chunk", problems);
  check_grid(shard, "shard", problems);
  require(threads >= 0, {.subject = "threads",
                         .found = fmt::format("{}", threads),
                         .expected = "1 or more, or 0 for all cores"});
  return problems;
}

}  // namespace retina::pipeline
