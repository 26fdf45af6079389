#include "retina/pipeline/predict/volume_job.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>
#include <spdlog/logger.h>

#include "retina/core/file.h"
#include "retina/label/block_grid.h"
#include "retina/pipeline/predict/physical_scale.h"
#include "retina/pipeline/predict/volume_outputs.h"
#include "retina/store/source_identity.h"

namespace retina::pipeline {
namespace {

void warn_of_anisotropy(const core::VolumeInfo& input, engine::AxesMode mode,
                        const core::Context& context) {
  const auto& voxel = input.voxel_nm;
  if (mode != engine::AxesMode::orthoplane || !voxel) {
    return;
  }
  const auto [least, most] = std::minmax_element(voxel->begin(), voxel->end());
  if (*most > 2 * *least) {
    context.log->warn(
        "'{}' has voxels of {} nm (z, y, x): slices along its coarse axis look unlike what the "
        "network was trained on; --axes-mode stack is the safer choice above a ratio of 2",
        input.source, core::to_string(*voxel));
  }
}

int largest_batch(const VolumeJob& job) {
  int batch = 1;
  for (const int axis : {0, 1, 2}) {
    const engine::SliceAxes axes = engine::slice_axes(axis);
    if (axis == 0 || job.mode == engine::AxesMode::orthoplane) {
      const auto side = [&](int of) { return job.seen().shape()[static_cast<std::size_t>(of)]; };
      batch = std::max(
          batch,
          job.setup.predictor->series(side(axes.plane), side(axes.row), side(axes.column)).batch);
    }
  }
  return batch;
}

/// Staged results lie in OME-Zarr, which takes any blocks, and blocks are cleaned whole. Maps that
/// the network writes beside them have the form of the output.
std::vector<core::Vec3> usable_units(const VolumeJob& job) {
  const bool maps_beside = job.setup.options.probabilities && !job.scaled;
  const bool is_free = job.is_staged() && !maps_beside && !stores_blocks(job.output);
  std::vector<core::Vec3> units =
      storage_units(is_free ? raw_path(job.output) : job.output, job.seen().shape());
  while (job.is_staged() && units.size() > 1 &&
         core::whole(units.front()).voxels() * kCleaningBytesPerVoxel > job.max_bytes) {
    units.erase(units.begin());
  }
  return units;
}

/// Sets the storage unit and the plan for it.
void choose_plan(VolumeJob& job) {
  engine::VolumePlanOptions options{.mode = job.mode,
                                    .probabilities = job.setup.options.probabilities || job.scaled,
                                    .unit = {1, 1, 1},
                                    .max_bytes = job.max_bytes};
  const std::vector<core::Vec3> units = usable_units(job);
  for (std::size_t i = 0;; ++i) {
    options.unit = units[i];
    try {
      job.plan = engine::plan_volume(job.seen().info(), *job.setup.predictor, options);
      job.unit = units[i];
      return;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::resource || i + 1 == units.size()) {
        throw;
      }
    }
  }
}

/// Finishing works on whole storage units, and what it needs must be known before the network runs
/// for hours.
void check_finishing_memory(const VolumeJob& job) {
  const core::Vec3& shape = job.input.shape();
  const core::Vec3 unit = stores_blocks(job.output) ? job.unit : core::Vec3{1, shape[1], shape[2]};
  const core::Vec3 least = label::block_of_units(shape, unit, 1);
  const std::int64_t needed = core::whole(least).voxels() * kCleaningBytesPerVoxel;
  if (needed > job.max_bytes) {
    throw Error(ErrorKind::resource,
                Problem{.subject = fmt::format("output '{}'", job.output),
                        .found = fmt::format("cleaning or rescaling needs {} for one page",
                                             core::format_size(needed)),
                        .expected = fmt::format("at most {} are left of --max-ram",
                                                core::format_size(job.max_bytes)),
                        .remedy = "raise --max-ram, or write a .zarr"});
  }
}

std::int64_t bytes_per_written_voxel(const VolumeJob& job) {
  const std::int64_t probabilities =
      job.setup.options.probabilities ? job.setup.predictor->channels() : 0;
  const std::int64_t ids = job.wants_ids() ? 4 : 0;
  return 1 + probabilities + ids;
}

}  // namespace

VolumeJob make_volume_job(const PredictionSetup& setup, const core::Volume& input,
                          engine::AxesMode mode, const std::string& output,
                          const core::Context& context) {
  VolumeJob job{.setup = setup,
                .input = input,
                .mode = mode,
                .output = output,
                .source = store::source_identity(input.info()),
                .rules = clean_rules(setup.postprocess, input.info(), mode)};
  warn_of_anisotropy(input.info(), mode, context);
  log_scale(setup, input.info(), mode, context);
  const core::Vec3 shape = network_shape(setup, input.info(), mode);
  if (shape != input.shape()) {
    const std::shared_ptr<const core::Volume> borrowed(std::shared_ptr<const core::Volume>{},
                                                       &input);
    job.scaled = std::make_unique<core::ResampledVolume>(borrowed, shape, core::Resampling::smooth);
  }
  job.max_bytes = buffer_bytes(setup, largest_batch(job));
  choose_plan(job);
  if (job.is_staged()) {
    check_finishing_memory(job);
  }
  return job;
}

PredictReport planned_report(const VolumeJob& job) {
  PredictReport report;
  report.output = job.output;
  report.mode = core::enum_name(job.mode);
  report.images = 1;
  report.voxels = core::whole(job.input.shape()).voxels();
  report.windows = job.plan.windows;
  report.windows_needed = job.plan.windows_needed;
  report.bytes_read = job.plan.bytes_read;
  report.bytes_written = job.plan.bytes_written;
  report.scratch_bytes = job.plan.scratch_bytes;
  if (job.is_staged()) {
    report.scratch_bytes += core::whole(job.seen().shape()).voxels() * job.raw_channels();
    report.bytes_written = report.voxels * bytes_per_written_voxel(job);
  }
  report.planned_peak_bytes = job.plan.peak_bytes;
  return report;
}

}  // namespace retina::pipeline
