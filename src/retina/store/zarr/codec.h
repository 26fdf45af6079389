#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "retina/core/dtype.h"
#include "retina/core/json.h"
#include "retina/store/compression/compression.h"
#include "retina/store/zarr/dimensions.h"

namespace retina::store {

struct Sharding;

/// The array of values that a codec chain encodes: one chunk.
struct ChunkForm {
  core::DType dtype = core::DType::u8;
  Sides shape = {};
  std::vector<std::byte> fill = {};  ///< one value; empty = zeros
  int nesting = 0;                   ///< shards that it lies in
};

/// How a zarr v2 array says it encodes its chunks.
struct ChunkCodingV2 {
  Json compressor;  ///< null = none
  bool is_big_endian = false;
  bool is_fortran_order = false;
};

/// The codecs of one array of values, in the order of encoding: "transpose" any number of times,
/// then "bytes" or "sharding_indexed", then compressors and checksums. Thread safe: coding changes
/// no state.
class CodecChain {
 public:
  /// Parses the list `codecs` of zarr v3 metadata. bad_data for an unknown codec (listing the known
  /// ones), codecs in an impossible order, or settings of the wrong type.
  static CodecChain parse(const Json& codecs, const ChunkForm& form);
  /// The same for zarr v2.
  static CodecChain parse_v2(const ChunkCodingV2& coding, const ChunkForm& form);
  /// What this project writes: zstd for bytes, shuffled blosc-zstd for wider values.
  static CodecChain standard(core::DType dtype);
  /// What this project writes with zarr v2, whose readers all know blosc.
  static CodecChain standard_v2(core::DType dtype);
  /// Byte order alone.
  static CodecChain uncompressed(core::DType dtype);
  /// Byte order and checksum: for the index of a shard.
  static CodecChain index();

  Json to_json() const;
  /// The member "compressor" of zarr v2 metadata.
  Json to_json_v2() const;

  std::vector<std::byte> encode(std::span<const std::byte> values) const;
  /// Exactly `size` bytes of values; bad_data (without the file's name) if the data are damaged.
  std::vector<std::byte> decode(std::span<const std::byte> stored, std::size_t size) const;

  /// The size of `size` bytes of values when encoded; bad_data if it depends on the values.
  std::size_t fixed_size(std::size_t size) const;
  /// More bytes than `size` bytes of values can take when encoded by any writer.
  std::size_t most_encoded(std::size_t size) const;

 private:
  void transpose(const std::vector<std::size_t>& order);
  Sides stored_shape() const;
  void order_bytes(std::vector<std::byte>& values) const;
  std::vector<std::byte> encode_shard(std::span<const std::byte> values) const;
  std::vector<std::byte> decode_shard(std::span<const std::byte> shard, std::size_t size) const;

  std::size_t value_size_ = 1;
  ChunkForm form_;
  std::vector<std::size_t> order_;  ///< of the dimensions as stored; empty = as they are
  bool is_big_endian_ = false;
  std::shared_ptr<const Sharding> sharding_;  ///< in place of "bytes"
  std::vector<CompressionStep> steps_;
};

/// The index of a shard.
struct ShardIndexForm {
  enum class Place { start, end };
  CodecChain codecs = CodecChain::index();
  Place place = Place::end;
};

/// The codec "sharding_indexed": an array stored as chunks and an index of them.
struct Sharding {
  Sides chunk;
  CodecChain codecs;  ///< of a chunk
  ShardIndexForm index;

  /// Chunks of a shard along each dimension of `shape`.
  Sides grid(const Sides& shape) const;
};

/// The sharding of shards of `form`, from the codec's "configuration"; bad_data as above and for
/// chunks that do not divide the shard.
Sharding parse_sharding(const Json& configuration, const ChunkForm& form);
/// The codec as it stands in zarr v3 metadata.
Json sharding_json(const Sharding& sharding);

/// Name of a codec in zarr v3 metadata, whose configuration may be left out.
std::string codec_name(const Json& codec);
Json codec_configuration(const Json& codec);

/// The steps that zarr v2 metadata name; empty for null. bad_data for an unknown one.
std::vector<CompressionStep> parse_compressor_v2(const Json& compressor, core::DType dtype);

/// Repeats one value over `values`; an empty pattern stands for zeros.
void fill_values(std::span<std::byte> values, const std::vector<std::byte>& pattern);

}  // namespace retina::store
