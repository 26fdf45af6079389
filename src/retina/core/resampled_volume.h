#pragma once

#include <cstdint>
#include <memory>

#include "retina/core/volume.h"

namespace retina::core {

/// Which value a voxel of another size gets.
enum class Resampling {
  smooth,  ///< grey values, probabilities: the mean over its area along axes that lose voxels,
           ///< linear between centres along axes that gain some
  nearest  ///< labels: that of the voxel its centre lies in
};

/// The largest factor, either way, between a resampled voxel side and the stored one. Who takes
/// voxel sizes from a user (data sets with target_voxel_nm, predict --rescale) refuses more: it is
/// a mistake in one, such as um for nm, that would fill the memory or leave a pixel of each image.
inline constexpr double kMostResampling = 32;

/// Voxels z, y, x that fill what `shape` voxels of `from_nm` fill when each is `to_nm`: rounded, at
/// least 1.
Vec3 resampled_shape(const Vec3& shape, const Vec3d& from_nm, const Vec3d& to_nm);

/// A view of a volume with voxels of another size. The first and last faces of both grids coincide
/// and a voxel depends on its place in the whole alone, so any blocking reads the same values.
/// Read-only; reading takes little memory beside the result.
class ResampledVolume final : public Volume {
 public:
  ResampledVolume(std::shared_ptr<const Volume> source, const Vec3& shape, Resampling how);

 protected:
  Array read_box(const Box3& box) const override;

 private:
  Box3 source_box(const Box3& box) const;
  Array read_part(const Box3& box) const;

  std::shared_ptr<const Volume> source_;
  Resampling how_;
};

}  // namespace retina::core
