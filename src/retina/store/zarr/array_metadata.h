#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "retina/core/dtype.h"
#include "retina/core/json.h"
#include "retina/store/zarr/codec.h"

namespace retina::store {

/// The metadata of one zarr v3 array (zarr.json), dimensions in the order stored.
struct ZarrMetadata {
  core::DType dtype = core::DType::u8;
  std::vector<std::int64_t> shape;
  std::vector<std::int64_t> chunk;  ///< the unit that is decoded
  std::vector<std::int64_t> shard;  ///< the unit of a file; equal to chunk if not sharded
  bool is_sharded = false;
  bool is_index_at_end = true;
  CodecChain codecs;        ///< of a chunk
  CodecChain index_codecs;  ///< of a shard's index
  char separator = '/';
  bool has_key_prefix = true;                ///< "c/0/0" rather than "0/0"
  std::vector<std::byte> fill;               ///< one value
  std::vector<std::string> dimension_names;  ///< empty if not stated

  /// Chunks in one shard.
  std::int64_t chunks_per_shard() const;
  std::size_t chunk_bytes() const;
};

/// bad_data (without the file's name) if something is missing, of the wrong type, not supported, or
/// beyond 2 GiB a chunk: nothing is allocated before this passed.
ZarrMetadata parse_array_metadata(const Json& json);

/// The array's zarr.json.
Json to_json(const ZarrMetadata& metadata);

}  // namespace retina::store
