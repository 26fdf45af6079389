#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/dtype.h"
#include "retina/core/json.h"
#include "retina/store/compression/compression.h"
#include "retina/store/zarr/dimensions.h"

namespace retina::store {

/// An N5 dataset as its attributes.json describes it. N5 lists dimensions with the fastest first;
/// here the slowest comes first: "xyz" on disk is z, y, x here.
struct N5Metadata {
  core::DType dtype = core::DType::u8;
  Sides shape;
  Sides block;
  std::optional<CompressionStep> compression;  ///< absent = raw

  std::size_t block_bytes() const;
};

/// True if the attributes are those of a dataset rather than of a group.
bool is_n5_dataset(const Json& attributes);

/// bad_data (without the file's name) if something is missing, of the wrong type, not supported, or
/// beyond 2 GiB a block.
N5Metadata parse_n5_metadata(const Json& attributes);

/// What attributes say about the geometry of a dataset; nothing where they are silent.
struct N5Scale {
  std::string axes;                      ///< slowest first; empty if not stated
  std::optional<core::Vec3d> voxel_nm;   ///< z, y, x
  std::optional<core::Vec3d> offset_nm;  ///< z, y, x
  std::string source;                    ///< the attribute that voxel_nm is from
  bool is_of_level = false;              ///< of this level of a pyramid, not of its full size
  std::vector<std::string> notes;
};

/// From the attributes of a dataset of `rank` dimensions or of the group around it: "transform"
/// (which names its axes), "pixelResolution" (x, y, z), or "resolution" with "offset". The last two
/// are x, y, z by N5's own convention but z, y, x in what came from HDF5: where two sides are equal
/// they are y and x; else x, y, z, with a note. What cannot be used is noted.
N5Scale parse_n5_scale(const Json& attributes, std::size_t rank);

/// Factors z, y, x of a level of a pyramid: its "downsamplingFactors" or entry `level` of the
/// group's "scales"; ones if neither is there.
core::Vec3d parse_n5_factors(const Json& dataset, const Json& group, std::size_t level);

}  // namespace retina::store
