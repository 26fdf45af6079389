#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "retina/core/box.h"

namespace retina::store {

/// What the text in a TIFF file's first ImageDescription tag says.
struct TiffDescription {
  std::string writer;       ///< "ImageJ", "OME", or empty
  std::int64_t images = 0;  ///< pages as counted by ImageJ; 0 = not stated
  int channels = 1;
  int frames = 1;                 ///< time points
  std::optional<double> spacing;  ///< z step, in `unit`
  std::string unit;  ///< of spacing and of the resolution tags, if the writer is ImageJ
  std::optional<core::Vec3d> voxel_nm;  ///< stated in full (ours and OME)
  std::optional<core::Vec3d> offset_nm;
};

TiffDescription parse_tiff_description(std::string_view text);

/// The text that this project writes: ImageJ's lines and, in full precision, `voxel_nm` and
/// `offset_nm`.
std::string tiff_description(const core::Vec3& shape, int channels,
                             const std::optional<core::Vec3d>& voxel_nm,
                             const core::Vec3d& offset_nm);

/// The resolution tags of a page: pixels per unit.
struct TiffResolution {
  double x = 0;  ///< 0 = not stated
  double y = 0;
  int unit = 2;  ///< 1 none, 2 inch, 3 centimetre
};

/// A voxel size and where it came from.
struct TiffVoxel {
  std::optional<core::Vec3d> nm;  ///< z, y, x
  std::string source;
  std::vector<std::string> notes;
};

/// Voxel size from description and resolution tags. A pixel size without a spacing gives a voxel
/// size only to a single page (its thickness is then taken equal to the pixel's height, which is
/// noted).
TiffVoxel tiff_voxel(const TiffDescription& description, const TiffResolution& resolution,
                     std::int64_t pages);

}  // namespace retina::store
