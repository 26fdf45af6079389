#pragma once

#include <optional>
#include <string>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/json.h"

namespace retina::store {

/// One level of an OME-Zarr pyramid; scale and translation for each axis, in the axes' units.
struct MultiscaleLevel {
  std::string path;
  std::vector<double> scale;
  std::vector<double> translation;
};

/// An OME-Zarr image: "multiscales" of the group's metadata.
struct Multiscale {
  std::string version = "0.5";          ///< of OME-Zarr
  std::string axes;                     ///< one letter each: "zyx", "czyx", "tczyx"
  std::vector<std::string> units;       ///< of each axis; "" = not stated
  std::vector<MultiscaleLevel> levels;  ///< full size first
  bool is_labels = false;               ///< a label image
};

/// True if the attributes of a group describe an OME-Zarr image.
bool has_multiscale(const Json& attributes);

/// From the attributes of a group; empty if it is no OME-Zarr image. 0.5 and its predecessors down
/// to 0.1, whose axes are t, c, z, y, x. bad_data (without the file's name) if it is damaged or has
/// axes other than t, c, z, y, x.
std::optional<Multiscale> parse_multiscale(const Json& attributes);

/// The group's attributes in the form of `multiscale.version`, 0.5 or 0.4. `label_source` makes it
/// a label image: "" or the relative path of the image that it belongs to.
Json to_attributes(const Multiscale& multiscale, const std::string& name,
                   const std::optional<std::string>& label_source);

/// Voxel size of a level in nanometres.
struct SpatialScale {
  std::optional<core::Vec3d> voxel_nm;  ///< z, y, x; absent without units of length
  core::Vec3d offset_nm{0, 0, 0};
  std::vector<std::string> notes;
};
SpatialScale spatial_scale(const Multiscale& multiscale, const MultiscaleLevel& level);

}  // namespace retina::store
