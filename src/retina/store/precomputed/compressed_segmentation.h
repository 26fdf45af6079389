#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "retina/core/array.h"

namespace retina::store {

/// Neuroglancer's "compressed_segmentation" of uint32 and uint64 labels: the chunk is cut into
/// blocks, and each has a table of its labels and an index of few bits for every voxel. `block` is
/// z, y, x. usage error if the chunk is too large for the format's 24-bit offsets.
std::vector<std::byte> encode_compressed_segmentation(const core::Array& values,
                                                      const core::Vec3& block);

/// Fills `values` (its type, channels and shape are the chunk's). bad_data (without the file's
/// name) if the bytes are damaged.
void decode_compressed_segmentation(std::span<const std::byte> encoded, const core::Vec3& block,
                                    core::Array& values);

}  // namespace retina::store
