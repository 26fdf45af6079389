#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "retina/core/error.h"

namespace retina::store {

/// One step that turns bytes into other bytes, as chunked formats (zarr, N5) name them.
struct CompressionStep {
  enum class Kind {
    zstd,
    blosc,
    gzip,
    zlib,
    bz2,         ///< read only
    xz,          ///< the .xz and .lzma containers; read only
    lz4,         ///< 4 bytes of size (little endian) before one LZ4 block; read only
    lz4_blocks,  ///< the stream of "LZ4Block" frames that Java writes; read only
    crc32c,      ///< a checksum behind the bytes
  };
  Kind kind = Kind::zstd;
  int level = 0;
  std::string compressor = {};  ///< blosc: "zstd", "lz4", ...
  int shuffle = 0;              ///< blosc: 0 none, 1 bytes, 2 bits
  std::size_t typesize = 1;     ///< blosc: bytes of one value
};

/// internal error for the kinds that are only read.
std::vector<std::byte> compress(const CompressionStep& how, std::span<const std::byte> bytes);

/// At most `limit` bytes; bad_data (without a file's name) if the bytes are damaged, cut short or
/// hold more. Never takes much more memory than the compressed bytes can stand for.
std::vector<std::byte> decompress(const CompressionStep& how, std::span<const std::byte> bytes,
                                  std::size_t limit);

/// The bad_data error of damaged compressed bytes.
Error damaged_bytes(std::string_view codec, const std::string& found);

/// Unsigned integer of `bytes.size()` (at most 8) bytes, least significant first.
std::uint64_t little_endian(std::span<const std::byte> bytes);

}  // namespace retina::store
