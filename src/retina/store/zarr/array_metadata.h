#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "retina/core/dtype.h"
#include "retina/core/json.h"
#include "retina/store/zarr/codec.h"
#include "retina/store/zarr/dimensions.h"

namespace retina::store {

/// The version of the zarr format below an image.
enum class ZarrFormat { v2 = 2, v3 = 3 };

/// The metadata of one zarr array (zarr.json, or .zarray of version 2), dimensions in the order
/// stored.
struct ZarrMetadata {
  ZarrFormat format = ZarrFormat::v3;
  core::DType dtype = core::DType::u8;
  Sides shape;
  Sides chunk;                                ///< the unit that is decoded
  Sides shard;                                ///< the unit of a file; equal to chunk if not sharded
  CodecChain codecs;                          ///< of a chunk
  std::optional<ShardIndexForm> shard_index;  ///< absent if not sharded
  char separator = '/';
  bool has_key_prefix = true;                ///< "c/0/0" rather than "0/0"
  std::vector<std::byte> fill;               ///< one value
  std::vector<std::string> dimension_names;  ///< empty if not stated

  /// Chunks in one shard.
  std::int64_t chunks_per_shard() const;
  std::size_t chunk_bytes() const;
};

/// From zarr.json. bad_data (without the file's name) if something is missing, of the wrong type,
/// not supported, or beyond 2 GiB a chunk: nothing is allocated before this passed.
ZarrMetadata parse_array_metadata(const Json& json);

/// The same from .zarray; `attributes` (.zattrs) may name the dimensions.
ZarrMetadata parse_array_metadata_v2(const Json& json, const Json& attributes);

/// The array's zarr.json or, for version 2, its .zarray.
Json to_json(const ZarrMetadata& metadata);

}  // namespace retina::store
