#include "retina/store/hdf5/hdf5_filters.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include <blosc.h>
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "retina/core/error.h"

namespace retina::store {

namespace {

constexpr int kDeflate = 1;
constexpr int kShuffle = 2;
constexpr int kFletcher32 = 3;
constexpr int kLzf = 32000;
constexpr int kBlosc = 32001;
constexpr int kZstd = 32015;
constexpr std::size_t kChecksumBytes = 4;
constexpr std::size_t kGreatestDeflateRatio = 1040;
constexpr std::size_t kGreatestZstdRatio = 40000;  // 128 KiB from a block of 4 bytes
constexpr int kWritingLevel = 1;
constexpr std::size_t kProbePieces = 4;
constexpr std::size_t kProbePieceBytes = 4096;

using Bytes = std::vector<std::byte>;
using View = std::span<const std::byte>;

Error damaged_chunk(const std::string& filter) {
  return Error(ErrorKind::bad_data,
               Problem{.subject = "compressed data",
                       .found = fmt::format("bytes that {} cannot decode", filter),
                       .expected = "a chunk of the stated size",
                       .remedy = "the file is damaged: get a fresh copy"});
}

Bytes inflate_chunk(View stored, std::size_t limit) {
  if (limit / kGreatestDeflateRatio > stored.size() + 64) {
    throw damaged_chunk("deflate");
  }
  Bytes out(limit);
  auto length = static_cast<uLongf>(limit);
  if (::uncompress(reinterpret_cast<Bytef*>(out.data()), &length,
                   reinterpret_cast<const Bytef*>(stored.data()),
                   static_cast<uLong>(stored.size())) != Z_OK) {
    throw damaged_chunk("deflate");
  }
  out.resize(length);
  return out;
}

Bytes unshuffle(View stored, std::size_t value_size) {
  Bytes out(stored.begin(), stored.end());
  const std::size_t values = value_size > 1 ? stored.size() / value_size : 0;
  for (std::size_t byte = 0; byte < value_size && values > 0; ++byte) {
    const std::byte* plane = stored.data() + byte * values;
    for (std::size_t i = 0; i < values; ++i) {
      out[i * value_size + byte] = plane[i];
    }
  }
  return out;
}

Bytes shuffled(View plain, std::size_t value_size) {
  Bytes out(plain.begin(), plain.end());
  const std::size_t values = plain.size() / value_size;
  for (std::size_t byte = 0; byte < value_size; ++byte) {
    for (std::size_t i = 0; i < values; ++i) {
      out[byte * values + i] = plain[i * value_size + byte];
    }
  }
  return out;
}

/// Both sums of Fletcher's checksum over big-endian words of 16 bits, modulo 65535.
std::pair<std::uint32_t, std::uint32_t> fletcher_sums(View bytes) {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    const auto low = i + 1 < bytes.size() ? std::to_integer<std::uint64_t>(bytes[i + 1]) : 0;
    first += std::to_integer<std::uint64_t>(bytes[i]) << 8 | low;
    second += first;
    if (i % 4096 == 0) {
      first %= 65535;
      second %= 65535;
    }
  }
  return {static_cast<std::uint32_t>(first % 65535), static_cast<std::uint32_t>(second % 65535)};
}

Bytes without_checksum(View stored) {
  if (stored.size() < kChecksumBytes) {
    throw damaged_chunk("fletcher32");
  }
  const View plain = stored.first(stored.size() - kChecksumBytes);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < kChecksumBytes; ++i) {
    sum |= std::to_integer<std::uint32_t>(stored[plain.size() + i]) << (8 * i);
  }
  const auto fits = [sums = fletcher_sums(plain)](std::uint32_t stated) {
    return (stated & 0xffff) % 65535 == sums.first && (stated >> 16) % 65535 == sums.second;
  };
  // early versions of the library swapped the bytes of each half
  const std::uint32_t swapped = (sum & 0xff00ff) << 8 | (sum >> 8 & 0xff00ff);
  if (!fits(sum) && !fits(swapped)) {
    throw damaged_chunk("fletcher32");
  }
  return {plain.begin(), plain.end()};
}

/// LZF: runs of literal bytes, and copies of up to 264 bytes from at most 8192 bytes back.
Bytes decode_lzf(View stored, std::size_t limit) {
  Bytes out;
  out.reserve(std::min(limit, stored.size() * 88));  // 3 bytes stand for at most 264
  std::size_t at = 0;
  const auto next = [&]() -> std::size_t {
    if (at >= stored.size()) {
      throw damaged_chunk("lzf");
    }
    return std::to_integer<std::size_t>(stored[at++]);
  };
  while (at < stored.size()) {
    const std::size_t control = next();
    if (control < 32) {
      const std::size_t count = control + 1;
      if (count > stored.size() - at || count > limit - out.size()) {
        throw damaged_chunk("lzf");
      }
      out.insert(out.end(), stored.begin() + static_cast<std::ptrdiff_t>(at),
                 stored.begin() + static_cast<std::ptrdiff_t>(at + count));
      at += count;
      continue;
    }
    std::size_t count = control >> 5;
    count += count == 7 ? next() : 0;
    count += 2;
    const std::size_t back = ((control & 31) << 8 | next()) + 1;
    if (back > out.size() || count > limit - out.size()) {
      throw damaged_chunk("lzf");
    }
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(out[out.size() - back]);
    }
  }
  return out;
}

Bytes decode_blosc(View stored, std::size_t limit) {
  std::size_t size = 0;
  if (blosc_cbuffer_validate(stored.data(), stored.size(), &size) != 0 || size > limit ||
      size / kGreatestZstdRatio > stored.size()) {
    throw damaged_chunk("blosc");
  }
  Bytes out(size);
  if (size > 0 && blosc_decompress_ctx(stored.data(), out.data(), out.size(), 1) < 0) {
    throw damaged_chunk("blosc");
  }
  return out;
}

Bytes decode_zstd(View stored, std::size_t limit) {
  const unsigned long long size = ZSTD_getFrameContentSize(stored.data(), stored.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || (size != ZSTD_CONTENTSIZE_UNKNOWN && size > limit) ||
      limit / kGreatestZstdRatio > stored.size()) {
    throw damaged_chunk("zstd");
  }
  Bytes out(limit);
  const std::size_t length = ZSTD_decompress(out.data(), out.size(), stored.data(), stored.size());
  if (ZSTD_isError(length) != 0) {
    throw damaged_chunk("zstd");
  }
  out.resize(length);
  return out;
}

Bytes undo_filter(const Hdf5Filter& filter, View stored, std::size_t limit) {
  switch (filter.id) {
    case kDeflate:
      return inflate_chunk(stored, limit);
    case kShuffle:
      return unshuffle(stored, filter.values.empty() ? 1 : filter.values.front());
    case kFletcher32:
      return without_checksum(stored);
    case kLzf:
      return decode_lzf(stored, limit);
    case kBlosc:
      return decode_blosc(stored, limit);
    case kZstd:
      return decode_zstd(stored, limit);
    default:
      throw Error(ErrorKind::internal, "an HDF5 filter without a decoder");
  }
}

}  // namespace

bool can_decode(const Hdf5Filter& filter) {
  constexpr int kKnown[] = {kDeflate, kShuffle, kFletcher32, kLzf, kBlosc, kZstd};
  return std::find(std::begin(kKnown), std::end(kKnown), filter.id) != std::end(kKnown);
}

std::string name_of_filter(const Hdf5Filter& filter) {
  static const std::map<int, std::string> kNames{
      {kDeflate, "gzip"}, {kShuffle, "shuffle"}, {kFletcher32, "fletcher32"},
      {4, "szip"},        {5, "n-bit"},          {6, "scale-offset"},
      {307, "bzip2"},     {kLzf, "lzf"},         {kBlosc, "blosc"},
      {32004, "lz4"},     {32008, "bitshuffle"}, {32013, "zfp"},
      {kZstd, "zstd"},    {32017, "sz"},         {32026, "blosc2"}};
  const auto found = kNames.find(filter.id);
  if (found != kNames.end()) {
    return found->second;
  }
  return filter.name.empty() ? fmt::format("number {}", filter.id)
                             : fmt::format("{} (number {})", filter.name, filter.id);
}

std::vector<std::byte> decode_hdf5_chunk(std::span<const std::byte> stored,
                                         const std::vector<Hdf5Filter>& filters,
                                         std::uint32_t skipped, std::size_t size) {
  Bytes bytes(stored.begin(), stored.end());
  const std::size_t limit = size + kChecksumBytes * filters.size();  // of a step's result
  for (std::size_t i = filters.size(); i-- > 0;) {
    if ((skipped >> i & 1) == 0) {
      bytes = undo_filter(filters[i], bytes, limit);
    }
  }
  if (bytes.size() != size) {
    throw Error(ErrorKind::bad_data, Problem{.subject = "compressed data",
                                             .found = fmt::format("{} bytes", bytes.size()),
                                             .expected = fmt::format("a chunk of {} bytes", size),
                                             .remedy = "the file is damaged: get a fresh copy"});
  }
  return bytes;
}

namespace {

Bytes deflate_chunk(View plain) {
  auto length = ::compressBound(static_cast<uLong>(plain.size()));
  Bytes out(length);
  if (::compress2(reinterpret_cast<Bytef*>(out.data()), &length,
                  reinterpret_cast<const Bytef*>(plain.data()), static_cast<uLong>(plain.size()),
                  kWritingLevel) != Z_OK) {
    throw Error(ErrorKind::resource, "no memory for compression");
  }
  out.resize(length);
  return out;
}

bool is_worth_it(std::size_t stored, std::size_t plain) {
  return stored < plain - plain / 10;
}

/// Tries a few pieces of a chunk: most chunks that do not compress are told from those.
bool seems_compressible(View plain) {
  if (plain.size() <= kProbePieces * kProbePieceBytes) {
    return true;
  }
  Bytes probe;
  for (std::size_t i = 0; i < kProbePieces; ++i) {
    const View piece = plain.subspan(i * (plain.size() / kProbePieces), kProbePieceBytes);
    probe.insert(probe.end(), piece.begin(), piece.end());
  }
  return is_worth_it(deflate_chunk(probe).size(), probe.size());
}

}  // namespace

std::vector<std::byte> encode_hdf5_chunk(std::span<const std::byte> values,
                                         std::size_t value_size) {
  const Bytes mixed = value_size > 1 ? shuffled(values, value_size) : Bytes();
  const View plain = value_size > 1 ? View(mixed) : values;
  if (seems_compressible(plain)) {
    Bytes stored = deflate_chunk(plain);
    if (is_worth_it(stored.size(), values.size())) {
      return stored;
    }
  }
  return {values.begin(), values.end()};
}

std::uint32_t skipped_hdf5_filters(std::size_t stored, std::size_t size) {
  return stored == size ? 3 : 0;  // both, or the only one
}

std::vector<Hdf5Filter> standard_hdf5_filters(std::size_t value_size) {
  std::vector<Hdf5Filter> filters;
  if (value_size > 1) {
    filters.push_back({.id = kShuffle, .values = {static_cast<unsigned>(value_size)}});
  }
  filters.push_back({.id = kDeflate, .values = {kWritingLevel}});
  return filters;
}

}  // namespace retina::store
