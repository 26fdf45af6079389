#pragma once

#include <cstdint>

#include "retina/core/array.h"

namespace retina::label {

/// Which neighbours of a voxel belong to it: those that share a face (4 in a plane, 6 in a volume),
/// at least an edge (8 and 18), or at least a corner (8 and 26). A plane is an array with z = 1.
enum class Connectivity { faces = 1, edges = 2, corners = 3 };

/// Objects of one array.
struct Components {
  core::Array ids;  ///< uint64, same shape; 0 = background, 1..count in C order of each object's
                    ///< first voxel
  std::uint64_t count = 0;
};

/// Connected regions of equal non-zero value (so a mask gives its objects, and touching objects of
/// different label stay apart). `labels`: one channel, integer dtype, axes zyx. bad_data for
/// another dtype or several channels.
Components connected_components(const core::Array& labels, Connectivity connectivity);

}  // namespace retina::label
