#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "retina/store/location.h"
#include "retina/store/output.h"

namespace retina::store {

/// True for `x.precomputed`.
bool fits_precomputed(const Location& location);

/// A Neuroglancer precomputed volume with a file for each chunk, written aside: raw values, or
/// compressed_segmentation for labels of uint32 and uint64. finish() computes the coarser scales,
/// writes `info` last and moves the folder into place. usage error for float64, int64 and shards.
std::unique_ptr<OutputVolume> create_precomputed(const Location& location,
                                                 const CreateOptions& options);

/// What a folder holds besides the scales of a precomputed volume: meshes, skeletons, other files.
std::vector<std::string> foreign_in_precomputed(const std::filesystem::path& folder,
                                                const CreateOptions& options);

}  // namespace retina::store
