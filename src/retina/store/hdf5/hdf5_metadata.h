#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/box.h"

namespace retina::store {

/// The small attributes of a dataset, by name.
struct Hdf5Attributes {
  std::map<std::string, std::vector<double>> numbers;
  std::map<std::string, std::vector<std::string>> texts;
  std::map<std::string, std::string> others;  ///< what they hold that is neither, in words
};

/// How a dataset is understood.
struct Hdf5Space {
  std::string axes;  ///< slowest first
  std::optional<core::Vec3d> voxel_nm;
  std::string voxel_nm_source;
  core::Vec3d offset_nm{0, 0, 0};
  std::vector<std::string> notes;
};

/// Axes from ilastik's `axistags`, `DIMENSION_LABELS` or `axis_names`; voxel size from `resolution`
/// or `voxel_size` (nanometres unless `units` or `unit` say otherwise) or `element_size_um`; offset
/// from `offset` in the same unit. A voxel size that cannot be used is noted. `wanted_axes` is the
/// user's word, "" = none; it wins, with a note. bad_data (without the file's name) if the axes are
/// ambiguous.
Hdf5Space understand_hdf5(const Hdf5Attributes& attributes, std::size_t dimensions,
                          const std::string& wanted_axes);

}  // namespace retina::store
