#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "retina/core/box.h"
#include "retina/core/error.h"
#include "retina/core/volume.h"

namespace retina::pipeline {

/// "z0:z1,y0:y1,x0:x1" within a volume of `shape`; an empty bound is the volume's, and "" is all of
/// it. usage error for text that does not fit, and for parts outside the volume or empty.
core::Box3 parse_crop(const std::string& text, const core::Vec3& shape);

/// What a conversion is cut for.
struct BlockRequest {
  core::Vec3 shape{0, 0, 0};     ///< of the result, z, y, x
  core::Vec3 unit{1, 1, 1};      ///< storage unit of the output: blocks are multiples of it
  core::Vec3 chunk{1, 0, 0};     ///< natural unit of reading; 0 = the whole side
  std::int64_t voxel_bytes = 1;  ///< that one voxel takes while it is carried
  std::int64_t max_bytes = 0;    ///< for one block
};

/// Sides of blocks as large as the input's chunks ask for (so that none is decoded twice) and
/// memory allows, and not needlessly small. resource error naming --max-ram if one storage unit
/// does not fit.
core::Vec3 plan_blocks(const BlockRequest& request);

/// Bytes of one chunk of a volume that is stored in chunks, with all its channels; 0 for one whose
/// values are read straight into their place.
std::int64_t decoded_chunk_bytes(const core::VolumeInfo& info);

/// What a conversion may take and needs, in bytes.
struct MemoryRequest {
  std::int64_t limit = 0;        ///< of the process
  std::int64_t taken = 0;        ///< of it, before a block is read
  std::int64_t chunk_bytes = 0;  ///< of a decoded chunk of the input
  std::int64_t unit_bytes = 0;   ///< of the smallest block
  int threads = 1;               ///< wanted
};

struct MemoryShare {
  int threads = 1;
  std::int64_t cache_bytes = 0;     ///< for decoded chunks of all threads
  std::int64_t decoding_bytes = 0;  ///< of each thread, for the chunk that it decodes
  std::int64_t block_bytes = 0;     ///< of each thread, for its block
};

/// Divides memory among as many of the wanted threads as it is enough for. resource error naming
/// --max-ram, with what one thread needs, if it is not enough for one.
MemoryShare share_memory(const MemoryRequest& request);

}  // namespace retina::pipeline
