#pragma once

#include <cstdint>

#include "retina/core/array.h"

namespace retina::label {

/// Which neighbours of a voxel belong to it: those that share a face (4 in a plane, 6 in a volume),
/// at least an edge (8 and 18), or at least a corner (8 and 26). A plane is an array with z = 1.
enum class Connectivity { faces = 1, edges = 2, corners = 3 };

/// What objects extend through.
enum class Extent {
  volume,  ///< all three axes
  slices   ///< every z slice by itself: faces are 4, edges and corners 8 neighbours
};

/// What keeps touching objects apart.
enum class Grouping {
  by_value,   ///< another label is another object
  foreground  ///< nothing: all labels but 0 are one mask
};

/// What an object is.
struct ComponentRules {
  Connectivity connectivity = Connectivity::corners;
  Extent extent = Extent::volume;
  Grouping grouping = Grouping::by_value;
};

/// Objects of one array.
struct Components {
  core::Array ids;  ///< uint64, same shape; 0 = background, 1..count in C order of each object's
                    ///< first voxel
  std::uint64_t count = 0;
};

/// Connected regions of non-zero voxels. `labels`: one channel, integer dtype, axes zyx. bad_data
/// for another dtype or several channels.
Components connected_components(const core::Array& labels, const ComponentRules& rules);

/// Connected regions of equal non-zero value (so a mask gives its objects, and touching objects of
/// different label stay apart).
Components connected_components(const core::Array& labels, Connectivity connectivity);

}  // namespace retina::label
