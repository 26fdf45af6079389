#include "retina/store/zarr/codec.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <utility>

#include <blosc.h>
#include <fmt/format.h>
#include <zlib.h>
#include <zstd.h>

#include "retina/core/error.h"

namespace retina::store {

namespace {

constexpr std::size_t kChecksumBytes = 4;
constexpr std::array<std::string_view, 3> kShuffles{"noshuffle", "shuffle", "bitshuffle"};

Error damaged(std::string_view codec, const std::string& found) {
  return Error(ErrorKind::bad_data,
               Problem{.subject = fmt::format("{} data", codec),
                       .found = found,
                       .expected = "an undamaged chunk",
                       .remedy = "the file is damaged or cut short: get a fresh copy"});
}

constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) {
      value = (value & 1U) != 0 ? (value >> 1U) ^ 0x82F63B78U : value >> 1U;
    }
    table[i] = value;
  }
  return table;
}();

std::vector<std::byte> copy_of(std::span<const std::byte> bytes) {
  return {bytes.begin(), bytes.end()};
}

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
  std::vector<std::byte> out(limit);
  const std::size_t size = ZSTD_decompress(out.data(), limit, bytes.data(), bytes.size());
  if (ZSTD_isError(size) != 0) {
    throw damaged("zstd", ZSTD_getErrorName(size));
  }
  out.resize(size);
  return out;
}

std::vector<std::byte> blosc_decode(std::span<const std::byte> bytes, std::size_t limit) {
  std::size_t size = 0;
  if (bytes.size() < BLOSC_MIN_HEADER_LENGTH ||
      blosc_cbuffer_validate(bytes.data(), bytes.size(), &size) != 0 || size > limit) {
    throw damaged("blosc", fmt::format("{} bytes that claim to hold {}", bytes.size(), size));
  }
  std::vector<std::byte> out(size);
  if (size > 0 &&
      std::cmp_not_equal(blosc_decompress_ctx(bytes.data(), out.data(), out.size(), 1), size)) {
    throw damaged("blosc", "bytes that cannot be decoded");
  }
  return out;
}

/// zlib's stream state, released on every path.
class ZlibStream {
 public:
  enum class Direction { deflate, inflate };
  ZlibStream(Direction direction, int level) : direction_(direction) {
    constexpr int kGzip = 15 + 16;
    const int status = direction == Direction::deflate
                           ? deflateInit2(&z_, level, Z_DEFLATED, kGzip, 8, Z_DEFAULT_STRATEGY)
                           : inflateInit2(&z_, kGzip);
    if (status != Z_OK) {
      throw Error(ErrorKind::internal, "zlib cannot start");
    }
  }
  ~ZlibStream() { direction_ == Direction::deflate ? deflateEnd(&z_) : inflateEnd(&z_); }
  ZlibStream(const ZlibStream&) = delete;
  ZlibStream& operator=(const ZlibStream&) = delete;

  /// One pass from `in` to `out`; false unless the stream ended within both.
  bool run(std::span<const std::byte> in, std::vector<std::byte>& out) {
    z_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    z_.avail_in = static_cast<uInt>(in.size());
    z_.next_out = reinterpret_cast<Bytef*>(out.data());
    z_.avail_out = static_cast<uInt>(out.size());
    const int status =
        direction_ == Direction::deflate ? ::deflate(&z_, Z_FINISH) : ::inflate(&z_, Z_FINISH);
    out.resize(out.size() - z_.avail_out);
    return status == Z_STREAM_END;
  }
  std::size_t bound(std::size_t size) { return deflateBound(&z_, size); }

 private:
  z_stream z_{};
  Direction direction_;
};

std::vector<std::byte> gzip_encode(std::span<const std::byte> bytes, int level) {
  ZlibStream stream(ZlibStream::Direction::deflate, level);
  std::vector<std::byte> out(stream.bound(bytes.size()));
  if (!stream.run(bytes, out)) {
    throw Error(ErrorKind::internal, "gzip encoding failed");
  }
  return out;
}

std::vector<std::byte> gzip_decode(std::span<const std::byte> bytes, std::size_t limit) {
  std::vector<std::byte> out(limit);
  if (!ZlibStream(ZlibStream::Direction::inflate, 0).run(bytes, out)) {
    throw damaged("gzip", "bytes that cannot be decoded");
  }
  return out;
}

std::vector<std::byte> crc_encode(std::span<const std::byte> bytes) {
  std::vector<std::byte> out = copy_of(bytes);
  const std::uint32_t sum = crc32c(bytes);
  for (std::size_t i = 0; i < kChecksumBytes; ++i) {
    out.push_back(static_cast<std::byte>(sum >> (8 * i)));
  }
  return out;
}

std::vector<std::byte> crc_decode(std::span<const std::byte> bytes) {
  if (bytes.size() < kChecksumBytes) {
    throw damaged("crc32c", fmt::format("{} bytes", bytes.size()));
  }
  const auto values = bytes.first(bytes.size() - kChecksumBytes);
  std::uint32_t stated = 0;
  for (std::size_t i = 0; i < kChecksumBytes; ++i) {
    stated |= std::to_integer<std::uint32_t>(bytes[values.size() + i]) << (8 * i);
  }
  if (const std::uint32_t sum = crc32c(values); sum != stated) {
    throw damaged("crc32c", fmt::format("checksum {:08x} where {:08x} is stated", sum, stated));
  }
  return copy_of(values);
}

}  // namespace

std::uint32_t crc32c(std::span<const std::byte> bytes) {
  std::uint32_t value = 0xFFFFFFFFU;
  for (const std::byte b : bytes) {
    value = kCrcTable[(value ^ std::to_integer<std::uint32_t>(b)) & 0xFFU] ^ (value >> 8U);
  }
  return value ^ 0xFFFFFFFFU;
}

CodecChain::Step CodecChain::parse_step(const std::string& name, const Json& configuration,
                                        core::DType dtype) {
  if (name == "zstd") {
    return {.kind = Kind::zstd, .level = configuration.value("level", 0), .compressor = {}};
  }
  if (name == "gzip") {
    return {.kind = Kind::gzip, .level = configuration.value("level", 5), .compressor = {}};
  }
  if (name == "crc32c") {
    return {.kind = Kind::crc32c, .compressor = {}};
  }
  if (name == "blosc") {
    const std::string shuffle = configuration.value("shuffle", "noshuffle");
    const auto known = std::find(kShuffles.begin(), kShuffles.end(), shuffle);
    return {.kind = Kind::blosc,
            .level = configuration.value("clevel", 5),
            .compressor = configuration.value("cname", "zstd"),
            .shuffle = known == kShuffles.end() ? 0 : static_cast<int>(known - kShuffles.begin()),
            .typesize = configuration.value("typesize", core::size_of(dtype))};
  }
  throw Error(ErrorKind::bad_data,
              Problem{.subject = "codecs",
                      .found = fmt::format("'{}'", name),
                      .expected = "bytes, then blosc, zstd, gzip or crc32c; or sharding_indexed",
                      .remedy = "write the array again with one of these codecs"});
}

CodecChain CodecChain::parse(const Json& codecs, core::DType dtype) {
  if (!codecs.is_array() || codecs.empty() || codecs[0].value("name", "") != "bytes") {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = "codecs",
                        .found = codecs.dump(),
                        .expected = "a list that begins with \"bytes\"",
                        .remedy = "write the array again with one of: blosc, zstd, gzip"});
  }
  const auto configuration = [&](std::size_t i) {
    return codecs[i].value("configuration", Json::object());
  };
  CodecChain chain;
  chain.value_size_ = core::size_of(dtype);
  chain.is_big_endian_ = configuration(0).value("endian", "little") == "big";
  for (std::size_t i = 1; i < codecs.size(); ++i) {
    chain.steps_.push_back(parse_step(codecs[i].at("name"), configuration(i), dtype));
  }
  return chain;
}

CodecChain CodecChain::standard(core::DType dtype) {
  constexpr int kLevel = 3;
  CodecChain chain;
  chain.value_size_ = core::size_of(dtype);
  if (chain.value_size_ == 1) {
    chain.steps_.push_back({.kind = Kind::zstd, .level = kLevel, .compressor = {}});
  } else {
    chain.steps_.push_back({.kind = Kind::blosc,
                            .level = kLevel,
                            .compressor = "zstd",
                            .shuffle = 1,
                            .typesize = chain.value_size_});
  }
  return chain;
}

CodecChain CodecChain::index() {
  CodecChain chain;
  chain.value_size_ = sizeof(std::uint64_t);
  chain.steps_.push_back({.kind = Kind::crc32c, .compressor = {}});
  return chain;
}

Json CodecChain::step_json(const Step& step) {
  switch (step.kind) {
    case Kind::zstd:
      return {{"name", "zstd"}, {"configuration", {{"level", step.level}, {"checksum", false}}}};
    case Kind::gzip:
      return {{"name", "gzip"}, {"configuration", {{"level", step.level}}}};
    case Kind::blosc:
      return {{"name", "blosc"},
              {"configuration",
               {{"typesize", step.typesize},
                {"cname", step.compressor},
                {"clevel", step.level},
                {"shuffle", kShuffles[static_cast<std::size_t>(step.shuffle)]},
                {"blocksize", 0}}}};
    case Kind::crc32c:
      break;
  }
  return {{"name", "crc32c"}};
}

Json CodecChain::to_json() const {
  Json list = Json::array();
  list.push_back(
      {{"name", "bytes"}, {"configuration", {{"endian", is_big_endian_ ? "big" : "little"}}}});
  for (const Step& step : steps_) {
    list.push_back(step_json(step));
  }
  return list;
}

std::vector<std::byte> CodecChain::encode_step(const Step& step, std::span<const std::byte> bytes) {
  switch (step.kind) {
    case Kind::zstd:
      return zstd_encode(bytes, step.level);
    case Kind::gzip:
      return gzip_encode(bytes, step.level);
    case Kind::crc32c:
      return crc_encode(bytes);
    case Kind::blosc:
      break;
  }
  std::vector<std::byte> out(bytes.size() + BLOSC_MAX_OVERHEAD);
  const int size =
      blosc_compress_ctx(step.level, step.shuffle, step.typesize, bytes.size(), bytes.data(),
                         out.data(), out.size(), step.compressor.c_str(), 0, 1);
  if (size <= 0) {
    throw Error(ErrorKind::internal, fmt::format("blosc ({}) encoding failed", step.compressor));
  }
  out.resize(static_cast<std::size_t>(size));
  return out;
}

std::vector<std::byte> CodecChain::decode_step(const Step& step, std::span<const std::byte> bytes,
                                               std::size_t limit) {
  switch (step.kind) {
    case Kind::zstd:
      return zstd_decode(bytes, limit);
    case Kind::gzip:
      return gzip_decode(bytes, limit);
    case Kind::blosc:
      return blosc_decode(bytes, limit);
    case Kind::crc32c:
      break;
  }
  return crc_decode(bytes);
}

void CodecChain::order_bytes(std::vector<std::byte>& values) const {
  if (value_size_ == 1 || is_big_endian_ == (std::endian::native == std::endian::big)) {
    return;
  }
  for (auto it = values.begin(); it != values.end();
       it += static_cast<std::ptrdiff_t>(value_size_)) {
    std::reverse(it, it + static_cast<std::ptrdiff_t>(value_size_));
  }
}

std::vector<std::byte> CodecChain::encode(std::span<const std::byte> values) const {
  std::vector<std::byte> bytes = copy_of(values);
  order_bytes(bytes);
  for (const Step& step : steps_) {
    bytes = encode_step(step, bytes);
  }
  return bytes;
}

std::vector<std::byte> CodecChain::decode(std::span<const std::byte> stored,
                                          std::size_t size) const {
  std::vector<std::byte> bytes;
  std::span<const std::byte> input = stored;
  // what lies between two compressors is larger than the values by no more than their headers
  const std::size_t limit = size + size / 64 + 4096;
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    bytes = decode_step(*step, input, step + 1 == steps_.rend() ? size : limit);
    input = bytes;
  }
  if (steps_.empty()) {
    bytes = copy_of(stored);
  }
  if (bytes.size() != size) {
    throw damaged("chunk", fmt::format("{} bytes where {} are needed", bytes.size(), size));
  }
  order_bytes(bytes);
  return bytes;
}

}  // namespace retina::store
