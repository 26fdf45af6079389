#include "retina/store/compression/compression.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <blosc.h>
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "retina/core/crc32.h"
#include "retina/store/compression/stream_decoders.h"

namespace retina::store {

namespace {

constexpr std::size_t kChecksumBytes = 4;

std::vector<std::byte> zstd_encode(std::span<const std::byte> bytes, int level) {
  std::vector<std::byte> out(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), level);
  if (ZSTD_isError(size) != 0) {
    throw Error(ErrorKind::internal, ZSTD_getErrorName(size));
  }
  out.resize(size);
  return out;
}

std::vector<std::byte> zstd_decode(std::span<const std::byte> bytes, std::size_t limit) {
  // a block takes 3 bytes or more and stands for at most 128 KiB
  constexpr std::size_t kLeastBlock = 3;
  constexpr std::size_t kMostPerBlock = std::size_t{1} << 17;
  std::vector<std::byte> out(std::min(limit, (bytes.size() / kLeastBlock + 1) * kMostPerBlock));
  const std::size_t size = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
  if (bytes.empty() || ZSTD_isError(size) != 0) {
    throw damaged_bytes("zstd", bytes.empty() ? "no bytes" : ZSTD_getErrorName(size));
  }
  out.resize(size);
  return out;
}

std::vector<std::byte> blosc_encode(const CompressionStep& how, std::span<const std::byte> bytes) {
  std::vector<std::byte> out(bytes.size() + BLOSC_MAX_OVERHEAD);
  const int size =
      blosc_compress_ctx(how.level, how.shuffle, how.typesize, bytes.size(), bytes.data(),
                         out.data(), out.size(), how.compressor.c_str(), 0, 1);
  if (size <= 0) {
    throw Error(ErrorKind::internal, fmt::format("blosc ({}) encoding failed", how.compressor));
  }
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::vector<std::byte> blosc_decode(std::span<const std::byte> bytes, std::size_t limit) {
  // no codec inside reaches this; runs of one value are stored in a few bytes for each block
  constexpr std::size_t kMostRatio = std::size_t{1} << 20;
  std::size_t size = 0;
  if (bytes.size() < BLOSC_MIN_HEADER_LENGTH ||
      blosc_cbuffer_validate(bytes.data(), bytes.size(), &size) != 0 || size > limit ||
      size / kMostRatio > bytes.size()) {
    throw damaged_bytes("blosc", fmt::format("{} bytes that claim to hold {}", bytes.size(), size));
  }
  std::vector<std::byte> out(size);
  if (size > 0 &&
      std::cmp_not_equal(blosc_decompress_ctx(bytes.data(), out.data(), out.size(), 1), size)) {
    const char* inner = blosc_cbuffer_complib(bytes.data());
    throw damaged_bytes("blosc", fmt::format("bytes that cannot be decoded (compressed by {})",
                                             inner == nullptr ? "an unknown codec" : inner));
  }
  return out;
}

std::vector<std::byte> deflate_encode(std::span<const std::byte> bytes, int level, int window) {
  z_stream z{};
  if (deflateInit2(&z, level, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw Error(ErrorKind::internal, "zlib cannot start");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&z, &deflateEnd);
  std::vector<std::byte> out(deflateBound(&z, bytes.size()));
  z.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  if (::deflate(&z, Z_FINISH) != Z_STREAM_END) {
    throw Error(ErrorKind::internal, "deflate encoding failed");
  }
  out.resize(out.size() - z.avail_out);
  return out;
}

std::vector<std::byte> crc_encode(std::span<const std::byte> bytes) {
  std::vector<std::byte> out(bytes.begin(), bytes.end());
  const std::uint32_t sum = core::crc32c(bytes);
  for (std::size_t i = 0; i < kChecksumBytes; ++i) {
    out.push_back(static_cast<std::byte>(sum >> (8 * i)));
  }
  return out;
}

std::vector<std::byte> crc_decode(std::span<const std::byte> bytes) {
  if (bytes.size() < kChecksumBytes) {
    throw damaged_bytes("crc32c", fmt::format("{} bytes", bytes.size()));
  }
  const auto values = bytes.first(bytes.size() - kChecksumBytes);
  const std::uint64_t stated = little_endian(bytes.last(kChecksumBytes));
  if (const std::uint32_t sum = core::crc32c(values); sum != stated) {
    throw damaged_bytes("crc32c",
                        fmt::format("checksum {:08x} where {:08x} is stated", sum, stated));
  }
  return {values.begin(), values.end()};
}

}  // namespace

std::vector<std::byte> compress(const CompressionStep& how, std::span<const std::byte> bytes) {
  constexpr int kZlibWindow = 15;
  constexpr int kGzipWindow = kZlibWindow + 16;
  switch (how.kind) {
    case CompressionStep::Kind::zstd:
      return zstd_encode(bytes, how.level);
    case CompressionStep::Kind::blosc:
      return blosc_encode(how, bytes);
    case CompressionStep::Kind::gzip:
      return deflate_encode(bytes, how.level, kGzipWindow);
    case CompressionStep::Kind::zlib:
      return deflate_encode(bytes, how.level, kZlibWindow);
    case CompressionStep::Kind::crc32c:
      return crc_encode(bytes);
    default:
      throw Error(ErrorKind::internal, "compress: a codec that is only read");
  }
}

std::vector<std::byte> decompress(const CompressionStep& how, std::span<const std::byte> bytes,
                                  std::size_t limit) {
  switch (how.kind) {
    case CompressionStep::Kind::zstd:
      return zstd_decode(bytes, limit);
    case CompressionStep::Kind::blosc:
      return blosc_decode(bytes, limit);
    case CompressionStep::Kind::gzip:
    case CompressionStep::Kind::zlib:
      return inflate_bytes(bytes, limit);
    case CompressionStep::Kind::bz2:
      return bz2_decode(bytes, limit);
    case CompressionStep::Kind::xz:
      return xz_decode(bytes, limit);
    case CompressionStep::Kind::lz4:
      return lz4_decode(bytes, limit);
    case CompressionStep::Kind::lz4_blocks:
      return lz4_blocks_decode(bytes, limit);
    case CompressionStep::Kind::crc32c:
      break;
  }
  return crc_decode(bytes);
}

Error damaged_bytes(std::string_view codec, const std::string& found) {
  return Error(ErrorKind::bad_data,
               Problem{.subject = fmt::format("{} data", codec),
                       .found = found,
                       .expected = "an undamaged chunk",
                       .remedy = "the file is damaged or cut short: get a fresh copy"});
}

std::uint64_t little_endian(std::span<const std::byte> bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
  }
  return value;
}

}  // namespace retina::store
