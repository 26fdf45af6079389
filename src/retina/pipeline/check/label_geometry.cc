#include "retina/pipeline/check/label_geometry.h"

#include <cmath>

#include <fmt/format.h>

namespace retina::pipeline {

namespace {

constexpr double kVoxelTolerance = 1e-3;  ///< relative: files round their scales

bool agree(const core::Vec3d& a, const core::Vec3d& b, const core::Vec3d& tolerance) {
  for (std::size_t i = 0; i < 3; ++i) {
    if (std::abs(a[i] - b[i]) > tolerance[i]) {
      return false;
    }
  }
  return true;
}

}  // namespace

std::optional<Problem> geometry_problem(const data::LabelledVolume& volume) {
  if (volume.labels == nullptr) {
    return std::nullopt;
  }
  const core::VolumeInfo& image = volume.image->info();
  const core::VolumeInfo& labels = volume.labels->info();
  if (!image.voxel_nm || !labels.voxel_nm) {
    return std::nullopt;
  }
  core::Vec3d size_tolerance{};
  core::Vec3d place_tolerance{};
  for (std::size_t a = 0; a < 3; ++a) {
    size_tolerance[a] = kVoxelTolerance * (*image.voxel_nm)[a];
    place_tolerance[a] = (*image.voxel_nm)[a] / 2;
  }
  if (!agree(*image.voxel_nm, *labels.voxel_nm, size_tolerance)) {
    return Problem{
        .subject = labels.source,
        .found = fmt::format("voxels of {} nm (z, y, x)", core::to_string(*labels.voxel_nm)),
        .expected =
            fmt::format("{} nm, those of {}", core::to_string(*image.voxel_nm), image.source),
        .remedy = "correct the file that is wrong, or state the size of both with --voxel-size-nm"};
  }
  if (!agree(image.offset_nm, labels.offset_nm, place_tolerance)) {
    return Problem{
        .subject = labels.source,
        .found = fmt::format("an offset of {} nm (z, y, x)", core::to_string(labels.offset_nm)),
        .expected =
            fmt::format("{} nm, that of {}", core::to_string(image.offset_nm), image.source),
        .remedy = "cut the image to the part that is labelled, or correct the offset"};
  }
  return std::nullopt;
}

}  // namespace retina::pipeline
