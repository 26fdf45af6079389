#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "retina/core/box.h"

namespace retina::store {

/// What a file says about one axis of space: a length, in a unit that may be missing.
struct AxisLength {
  std::optional<double> value;
  std::string unit;  ///< as the file writes it; "" = not stated
};

/// A voxel size and what there is to say about it.
struct VoxelSize {
  std::optional<core::Vec3d> nm;  ///< z, y, x
  std::vector<std::string> notes;
};

/// Voxel size from the steps along z, y, x. Without z (a 2D image) the thickness is taken equal to
/// the pixel's height, with a note; steps without a unit of length, or not positive, give none,
/// with a note that names the option.
VoxelSize voxel_size(const std::array<AxisLength, 3>& zyx);

/// The note on a voxel size that a file states in a form that cannot be used: what the format calls
/// it, and why, such as "text '8 nm'".
std::string unusable_voxel_size(std::string_view name, std::string_view why);

/// The place of the first voxel, and what there is to say about it.
struct Offset {
  core::Vec3d nm{0, 0, 0};  ///< z, y, x
  std::vector<std::string> notes;
};

/// From what a file says along z, y, x; 0 where it says nothing. Where one value is not finite, or
/// is not 0 and has no unit of length, all of it is 0, with a note.
Offset offset_of(const std::array<AxisLength, 3>& zyx);

/// The note on an offset that cannot be used, as for voxel sizes.
std::string unusable_offset(std::string_view name, std::string_view why);

/// `value` in `unit`, in nanometres without noise beyond 15 digits; empty without a unit of length.
std::optional<double> in_nanometres(double value, std::string_view unit);

}  // namespace retina::store
