#include "retina/store/compression/stream_decoders.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>
#include <utility>

#include <bzlib.h>
#include <fmt/format.h>
#include <lz4.h>
#include <lzma.h>
#include <zlib.h>

#include "retina/store/compression/compression.h"

namespace retina::store {

namespace {

constexpr std::size_t kFirstPiece = std::size_t{1} << 16;
constexpr std::size_t kMostInput = std::numeric_limits<int>::max();

/// Grows `out` towards `limit` and one byte beyond, which tells a stream that holds too much.
void grow(std::vector<std::byte>& out, std::size_t limit) {
  out.resize(std::min(limit + 1, std::max(kFirstPiece, out.size() * 2)));
}

/// One step of a stream decoder: bytes written so far and whether the stream has ended.
struct Progress {
  std::size_t written = 0;
  bool is_ended = false;
  bool is_stuck = false;
};

/// Runs `step(out)` with growing room until the stream ends, fails or holds more than `limit`.
template <class Step>
std::vector<std::byte> decode_growing(std::string_view codec, std::size_t limit, Step step) {
  std::vector<std::byte> out;
  Progress progress;
  while (!progress.is_ended && !progress.is_stuck && progress.written <= limit) {
    if (progress.written == out.size()) {
      grow(out, limit);
    }
    const std::size_t before = progress.written;
    progress = step(std::span(out).subspan(before));
    progress.written += before;
    progress.is_stuck = progress.is_stuck || (!progress.is_ended && progress.written < out.size());
  }
  if (progress.written > limit) {
    throw damaged_bytes(codec, fmt::format("more than {} bytes", limit));
  }
  if (!progress.is_ended) {
    throw damaged_bytes(
        codec, fmt::format("an unreadable or unfinished stream after {} bytes", progress.written));
  }
  out.resize(progress.written);
  return out;
}

void require_input(std::string_view codec, std::span<const std::byte> bytes) {
  if (bytes.size() > kMostInput) {
    throw damaged_bytes(codec, fmt::format("{} bytes in one piece", bytes.size()));
  }
}

char* chars(const std::byte* bytes) {
  return const_cast<char*>(reinterpret_cast<const char*>(bytes));
}

}  // namespace

std::vector<std::byte> inflate_bytes(std::span<const std::byte> bytes, std::size_t limit) {
  constexpr int kGzipOrZlib = 15 + 32;
  require_input("deflate", bytes);
  z_stream z{};
  if (inflateInit2(&z, kGzipOrZlib) != Z_OK) {
    throw Error(ErrorKind::internal, "zlib cannot start");
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> closer(&z, &inflateEnd);
  z.next_in = reinterpret_cast<Bytef*>(chars(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  return decode_growing("deflate", limit, [&](std::span<std::byte> out) {
    const std::size_t room = std::min(out.size(), kMostInput);
    z.next_out = reinterpret_cast<Bytef*>(out.data());
    z.avail_out = static_cast<uInt>(room);
    const int status = ::inflate(&z, Z_NO_FLUSH);
    return Progress{.written = room - z.avail_out,
                    .is_ended = status == Z_STREAM_END,
                    .is_stuck = status != Z_OK && status != Z_STREAM_END};
  });
}

std::vector<std::byte> bz2_decode(std::span<const std::byte> bytes, std::size_t limit) {
  require_input("bzip2", bytes);
  bz_stream stream{};
  if (BZ2_bzDecompressInit(&stream, 0, 0) != BZ_OK) {
    throw Error(ErrorKind::internal, "bzip2 cannot start");
  }
  const std::unique_ptr<bz_stream, int (*)(bz_stream*)> closer(&stream, &BZ2_bzDecompressEnd);
  stream.next_in = chars(bytes.data());
  stream.avail_in = static_cast<unsigned>(bytes.size());
  return decode_growing("bzip2", limit, [&](std::span<std::byte> out) {
    const std::size_t room = std::min(out.size(), kMostInput);
    stream.next_out = chars(out.data());
    stream.avail_out = static_cast<unsigned>(room);
    const int status = BZ2_bzDecompress(&stream);
    return Progress{.written = room - stream.avail_out,
                    .is_ended = status == BZ_STREAM_END,
                    .is_stuck = status != BZ_OK && status != BZ_STREAM_END};
  });
}

std::vector<std::byte> xz_decode(std::span<const std::byte> bytes, std::size_t limit) {
  constexpr std::uint64_t kMostMemory = std::uint64_t{256} << 20;
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_auto_decoder(&stream, kMostMemory, 0) != LZMA_OK) {
    throw Error(ErrorKind::internal, "xz cannot start");
  }
  const std::unique_ptr<lzma_stream, void (*)(lzma_stream*)> closer(&stream, &lzma_end);
  stream.next_in = reinterpret_cast<const std::uint8_t*>(bytes.data());
  stream.avail_in = bytes.size();
  return decode_growing("xz", limit, [&](std::span<std::byte> out) {
    stream.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream.avail_out = out.size();
    const lzma_ret status = lzma_code(&stream, LZMA_RUN);
    return Progress{.written = out.size() - stream.avail_out,
                    .is_ended = status == LZMA_STREAM_END,
                    .is_stuck = status != LZMA_OK && status != LZMA_STREAM_END};
  });
}

namespace {

/// One raw LZ4 block that stands for exactly `size` bytes, added to `out`.
void append_lz4_block(std::span<const std::byte> block, std::size_t size, std::size_t limit,
                      std::vector<std::byte>& out) {
  constexpr std::size_t kMostRatio = 256;  // of the LZ4 block format
  if (size > limit - out.size() || size / kMostRatio > block.size() || size > kMostInput ||
      block.size() > kMostInput) {
    throw damaged_bytes("lz4", fmt::format("{} bytes that claim to hold {}", block.size(), size));
  }
  const std::size_t before = out.size();
  out.resize(before + size);
  if (LZ4_decompress_safe(chars(block.data()), chars(out.data() + before),
                          static_cast<int>(block.size()),
                          static_cast<int>(size)) != static_cast<int>(size)) {
    throw damaged_bytes("lz4", "bytes that cannot be decoded");
  }
}

}  // namespace

std::vector<std::byte> lz4_decode(std::span<const std::byte> bytes, std::size_t limit) {
  constexpr std::size_t kSizeBytes = 4;
  if (bytes.size() < kSizeBytes) {
    throw damaged_bytes("lz4", fmt::format("{} bytes", bytes.size()));
  }
  std::vector<std::byte> out;
  append_lz4_block(bytes.subspan(kSizeBytes), little_endian(bytes.first(kSizeBytes)), limit, out);
  return out;
}

std::vector<std::byte> lz4_blocks_decode(std::span<const std::byte> bytes, std::size_t limit) {
  constexpr std::string_view kMagic = "LZ4Block";
  constexpr std::size_t kHeader = 21;  // magic, token, packed size, size, checksum
  constexpr unsigned kStoredPlain = 0x10;
  std::vector<std::byte> out;
  while (true) {
    if (bytes.size() < kHeader || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
      throw damaged_bytes("lz4", fmt::format("no block header after {} bytes", out.size()));
    }
    const unsigned method = std::to_integer<unsigned>(bytes[8]) & 0xF0U;
    const std::size_t packed = little_endian(bytes.subspan(9, 4));
    const std::size_t size = little_endian(bytes.subspan(13, 4));
    bytes = bytes.subspan(kHeader);
    if (size == 0) {
      return out;
    }
    if (packed > bytes.size() || size > limit - out.size()) {
      throw damaged_bytes("lz4", fmt::format("a block of {} bytes for {}", packed, size));
    }
    const std::span<const std::byte> block = bytes.first(packed);
    if (method != kStoredPlain) {
      append_lz4_block(block, size, limit, out);
    } else if (packed == size) {
      out.insert(out.end(), block.begin(), block.end());
    } else {
      throw damaged_bytes("lz4", fmt::format("a plain block of {} bytes for {}", packed, size));
    }
    bytes = bytes.subspan(packed);
  }
}

}  // namespace retina::store
