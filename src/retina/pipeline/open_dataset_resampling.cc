#include "retina/pipeline/open_dataset_resampling.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "retina/core/resampled_volume.h"

namespace retina::pipeline {
namespace {

std::optional<Problem> absurd_resampling(const core::VolumeInfo& image, const core::Vec3d& from_nm,
                                         const core::Vec3d& to_nm) {
  for (std::size_t a = image.shape[0] == 1 ? 1 : 0; a < 3; ++a) {  // a single plane stays one
    const double factor = from_nm[a] / to_nm[a];
    if (std::max(factor, 1 / factor) > core::kMostResampling) {
      return Problem{
          .subject = image.source,
          .found = fmt::format("voxels of {} nm, target_voxel_nm is {}", core::to_string(from_nm),
                               core::to_string(to_nm)),
          .expected = fmt::format("sizes in nm within a factor of {}", core::kMostResampling),
          .remedy = "correct target_voxel_nm, or give voxel_size_nm"};
    }
  }
  return std::nullopt;
}

}  // namespace

bool resample(data::LabelledVolume& volume, const data::DataOptions& options,
              std::vector<Problem>& problems) {
  if (options.target_voxel_nm.size() != 3) {
    return true;
  }
  const core::VolumeInfo& info = volume.image->info();
  if (!info.voxel_nm) {
    problems.push_back({.subject = info.source,
                        .found = "a voxel size that is not known",
                        .expected = "one, for target_voxel_nm",
                        .remedy = "give voxel_size_nm, or store it in the file"});
    return false;
  }
  const core::Vec3d target{options.target_voxel_nm[0], options.target_voxel_nm[1],
                           options.target_voxel_nm[2]};
  if (auto problem = absurd_resampling(info, *info.voxel_nm, target)) {
    problems.push_back(std::move(*problem));
    return false;
  }
  core::Vec3 shape = core::resampled_shape(info.shape, *info.voxel_nm, target);
  shape[0] = info.shape[0] == 1 ? 1 : shape[0];
  if (options.every > 1 && shape[0] != info.shape[0]) {
    problems.push_back(
        {.subject = info.source,
         .found = fmt::format("{} slices to resample to {}", info.shape[0], shape[0]),
         .expected = "as many as before: of sparse labelling (every) only some are "
                     "labelled",
         .remedy = "give the volume's own z in target_voxel_nm"});
    return false;
  }
  if (shape != info.shape) {
    volume.image =
        std::make_shared<core::ResampledVolume>(volume.image, shape, core::Resampling::smooth);
    if (volume.labels != nullptr) {
      volume.labels =
          std::make_shared<core::ResampledVolume>(volume.labels, shape, core::Resampling::nearest);
    }
  }
  return true;
}

}  // namespace retina::pipeline
