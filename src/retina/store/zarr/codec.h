#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "retina/core/dtype.h"
#include "retina/core/json.h"

namespace retina::store {

/// CRC-32C (Castagnoli) as zarr's "crc32c" codec uses it.
std::uint32_t crc32c(std::span<const std::byte> bytes);

/// A zarr v3 codec chain for one array of values: "bytes" (byte order), then any of "zstd",
/// "blosc", "gzip", "crc32c". Thread safe: coding changes no state.
class CodecChain {
 public:
  /// Parses the list `codecs` of an array's metadata. bad_data for an unknown codec (listing the
  /// known ones), a list that does not begin with "bytes", or settings of the wrong type.
  static CodecChain parse(const Json& codecs, core::DType dtype);
  /// What this project writes: zstd for bytes, shuffled blosc-zstd for wider values.
  static CodecChain standard(core::DType dtype);
  /// Byte order and checksum: for the index of a shard.
  static CodecChain index();

  Json to_json() const;

  std::vector<std::byte> encode(std::span<const std::byte> values) const;
  /// Exactly `size` bytes of values; bad_data (without the file's name) if the data are damaged.
  std::vector<std::byte> decode(std::span<const std::byte> stored, std::size_t size) const;

 private:
  enum class Kind { zstd, blosc, gzip, crc32c };
  struct Step {
    Kind kind = Kind::zstd;
    int level = 0;
    std::string compressor;    ///< blosc
    int shuffle = 0;           ///< blosc: 0 none, 1 bytes, 2 bits
    std::size_t typesize = 1;  ///< blosc
  };

  static Step parse_step(const std::string& name, const Json& configuration, core::DType dtype);
  static std::vector<std::byte> encode_step(const Step& step, std::span<const std::byte> bytes);
  static std::vector<std::byte> decode_step(const Step& step, std::span<const std::byte> bytes,
                                            std::size_t limit);
  static Json step_json(const Step& step);
  void order_bytes(std::vector<std::byte>& values) const;

  std::size_t value_size_ = 1;
  bool is_big_endian_ = false;
  std::vector<Step> steps_;
};

}  // namespace retina::store
