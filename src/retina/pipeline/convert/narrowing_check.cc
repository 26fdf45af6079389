#include "retina/pipeline/convert/narrowing_check.h"

#include <cstdint>
#include <mutex>

#include <fmt/format.h>

#include "retina/core/error.h"
#include "retina/core/intensity.h"
#include "retina/core/narrowing.h"
#include "retina/core/ordered_work.h"
#include "retina/label/block_grid.h"
#include "retina/pipeline/convert/voxel_meter.h"

namespace retina::pipeline {
namespace {

[[noreturn]] void refuse(const std::string& what, const core::Volume& input, bool is_labels) {
  Problem problem{
      .subject = fmt::format("'{}'", input.info().source),
      .found = what,
      .expected = is_labels ? "a type that holds every label" : "a type that holds every value",
      .remedy = "choose a wider --dtype"};
  if (!is_labels) {
    const core::IntensityRange range = core::estimate_range(input, 0);
    problem.remedy += fmt::format(
        ", map the intensities with --input-range {:g},{:g} (0.1 and 99.9 percentiles) to u8 or "
        "u16, or pass --allow-narrowing to clip and round",
        range.low, range.high);
  }
  throw Error(ErrorKind::bad_data, problem);
}

std::string judge(const core::Narrowing& found, const core::Volume& input,
                  const NarrowingRequest& request) {
  const std::string what = fmt::format("{} as {}: {}", core::name_of(input.info().dtype),
                                       core::name_of(request.to), core::to_string(found));
  const bool only_rounds_reals =
      !core::is_integer(input.info().dtype) && !core::is_integer(request.to) && found.outside == 0;
  if (found.is_exact() || (only_rounds_reals && !request.is_labels)) {
    return fmt::format("narrowed {}", what);
  }
  if (request.allow_narrowing && !request.is_labels) {
    return fmt::format("narrowed with loss, as allowed: {}", what);
  }
  refuse(what, input, request.is_labels);
}

}  // namespace

std::string check_narrowing(const core::Volume& input, const NarrowingRequest& request,
                            const core::Context& context) {
  const core::VolumeInfo& info = input.info();
  const label::BlockGrid grid(request.shape, request.block);
  core::Narrowing found{.to = request.to};
  std::mutex mutex;
  VoxelMeter meter(
      {.job = "checking values",
       .voxels = core::whole(request.shape).voxels(),
       .voxel_bytes = info.channels * static_cast<std::int64_t>(core::size_of(info.dtype))},
      *context.progress);
  core::run_work(
      grid.count(), {.threads = request.threads},
      [&](std::int64_t i) {
        core::Narrowing block{.to = request.to};
        block.add(request.read(grid.box(i)));
        return block;
      },
      [&](std::int64_t i, const core::Narrowing& block) {
        {
          const std::lock_guard lock(mutex);
          found += block;
        }
        meter.add(grid.box(i).voxels());
      },
      context);
  return judge(found, input, request);
}

}  // namespace retina::pipeline
