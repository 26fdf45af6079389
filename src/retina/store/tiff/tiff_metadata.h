#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "retina/core/box.h"

namespace retina::store {

/// One of the axes along which the pages of a file count.
struct TiffAxis {
  char name = 'z';  ///< 'z', 'c', 't', or '?' if it is not said
  std::int64_t size = 1;
  bool operator==(const TiffAxis&) const = default;
};

/// What the text in a TIFF file's first ImageDescription tag says, OME apart (see ome_xml.h).
struct TiffDescription {
  std::string writer;          ///< "ImageJ", "tifffile", "OME", or empty
  std::vector<TiffAxis> axes;  ///< of the pages, slowest first, none of size 1; empty = not stated
  std::int64_t images = 0;     ///< pages as counted by ImageJ; 0 = not stated
  std::vector<std::int64_t> shape;  ///< tifffile: of the whole array, rows and columns included
  std::string shape_axes;           ///< tifffile: a letter for each of `shape`; may be empty
  std::optional<double> spacing;    ///< z step, in `z_unit`
  std::string unit;                 ///< of the resolution tags, if the writer is ImageJ
  std::string y_unit;               ///< the same of y; empty = `unit`
  std::string z_unit;               ///< of spacing; empty = `unit`
  std::array<std::optional<double>, 3> physical_nm;  ///< OME: z, y, x, each if stated
  std::optional<core::Vec3d> voxel_nm;               ///< stated in full by this project
  std::optional<core::Vec3d> offset_nm;
  bool is_calibrated = false;  ///< ImageJ maps the stored values to others for display
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
/// size only to a single slice (its thickness is then taken equal to the pixel's height, which is
/// noted). What is stated and cannot be used is noted.
TiffVoxel tiff_voxel(const TiffDescription& description, const TiffResolution& resolution,
                     std::int64_t slices);

}  // namespace retina::store
