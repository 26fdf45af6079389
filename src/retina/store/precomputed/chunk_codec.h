#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "retina/core/array.h"
#include "retina/store/precomputed/precomputed_metadata.h"

namespace retina::store {

/// The values of one chunk, before there is memory for them.
struct ChunkValues {
  core::DType dtype = core::DType::u8;
  int channels = 1;
  core::Vec3 shape{0, 0, 0};  ///< z, y, x, cut at the volume's border

  std::size_t bytes() const;
  core::Array make() const { return {dtype, channels, shape}; }
};

/// The most bytes that a sensible chunk of such values takes when it is stored: a bound for what
/// is read into memory.
std::size_t most_encoded_bytes(const PrecomputedScale& scale, const ChunkValues& chunk);

/// Bytes of a chunk; raw and compressed_segmentation only.
std::vector<std::byte> encode_precomputed_chunk(const PrecomputedScale& scale, core::Array values);

/// The values of a chunk. bad_data naming `name` if the bytes are damaged; memory is taken only for
/// values that the bytes can stand for.
core::Array decode_precomputed_chunk(const PrecomputedScale& scale, const ChunkValues& chunk,
                                     std::span<const std::byte> stored, const std::string& name);

}  // namespace retina::store
