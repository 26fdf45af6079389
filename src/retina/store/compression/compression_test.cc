#include "retina/store/compression/compression.h"

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include <bzlib.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lz4.h>
#include <lzma.h>

#include "retina/core/rng.h"

namespace retina::store {
namespace {

using CodedBytes = std::vector<std::byte>;

CodedBytes plain_bytes() {
  CodedBytes bytes(5000);
  core::Rng rng(4);
  for (std::byte& b : bytes) {
    b = static_cast<std::byte>(rng.integer(0, 3));
  }
  return bytes;
}

char* chars_of(CodedBytes& bytes) {
  return reinterpret_cast<char*>(bytes.data());
}

void append_little_endian(CodedBytes& out, std::size_t value) {
  for (std::size_t i = 0; i < 4; ++i) {
    out.push_back(static_cast<std::byte>(value >> (8 * i)));
  }
}

CodedBytes bz2_bytes(CodedBytes values) {
  CodedBytes out(values.size() * 2 + 1000);
  auto size = static_cast<unsigned>(out.size());
  EXPECT_EQ(BZ2_bzBuffToBuffCompress(chars_of(out), &size, chars_of(values),
                                     static_cast<unsigned>(values.size()), 1, 0, 0),
            BZ_OK);
  out.resize(size);
  return out;
}

CodedBytes xz_bytes(CodedBytes values) {
  CodedBytes out(values.size() * 2 + 1000);
  std::size_t size = 0;
  EXPECT_EQ(lzma_easy_buffer_encode(
                1, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const std::uint8_t*>(values.data()),
                values.size(), reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

CodedBytes lz4_block(CodedBytes values) {
  CodedBytes out(values.size() * 2 + 1000);
  out.resize(static_cast<std::size_t>(LZ4_compress_default(chars_of(values), chars_of(out),
                                                           static_cast<int>(values.size()),
                                                           static_cast<int>(out.size()))));
  return out;
}

CodedBytes lz4_bytes(const CodedBytes& values) {
  CodedBytes out;
  append_little_endian(out, values.size());
  const CodedBytes block = lz4_block(values);
  out.insert(out.end(), block.begin(), block.end());
  return out;
}

void append_lz4_frame(CodedBytes& out, unsigned method, const CodedBytes& block, std::size_t size) {
  const std::string magic = "LZ4Block";
  const auto text = std::as_bytes(std::span(magic));
  out.insert(out.end(), text.begin(), text.end());
  out.push_back(static_cast<std::byte>(method | 5U));
  append_little_endian(out, block.size());
  append_little_endian(out, size);
  append_little_endian(out, 0);  // a checksum, which is not read
  out.insert(out.end(), block.begin(), block.end());
}

/// Two frames, one of them stored as it is, and the end.
CodedBytes lz4_stream(const CodedBytes& values) {
  CodedBytes out;
  const CodedBytes first(values.begin(), values.begin() + 3000);
  const CodedBytes second(values.begin() + 3000, values.end());
  append_lz4_frame(out, 0x20, lz4_block(first), first.size());
  append_lz4_frame(out, 0x10, second, second.size());
  append_lz4_frame(out, 0x10, {}, 0);
  return out;
}

struct Coded {
  std::string name;
  CompressionStep how;
  std::function<CodedBytes(const CodedBytes&)> encode;
};

void PrintTo(const Coded& coded, std::ostream* out) {
  *out << coded.name;
}

std::vector<Coded> all_kinds() {
  std::vector<Coded> kinds;
  for (const char* inner : {"blosclz", "lz4", "lz4hc", "snappy", "zlib", "zstd"}) {
    for (const int shuffle : {0, 1, 2}) {
      const CompressionStep how{.kind = CompressionStep::Kind::blosc,
                                .level = 5,
                                .compressor = inner,
                                .shuffle = shuffle,
                                .typesize = 4};
      kinds.push_back({std::string(inner) + std::to_string(shuffle), how,
                       [how](const CodedBytes& values) { return compress(how, values); }});
    }
  }
  for (const CompressionStep::Kind kind :
       {CompressionStep::Kind::zstd, CompressionStep::Kind::gzip, CompressionStep::Kind::zlib,
        CompressionStep::Kind::crc32c}) {
    const CompressionStep how{.kind = kind, .level = 3};
    kinds.push_back({"Kind" + std::to_string(static_cast<int>(kind)), how,
                     [how](const CodedBytes& values) { return compress(how, values); }});
  }
  kinds.push_back({"Bz2", {.kind = CompressionStep::Kind::bz2}, bz2_bytes});
  kinds.push_back({"Xz", {.kind = CompressionStep::Kind::xz}, xz_bytes});
  kinds.push_back({"Lz4", {.kind = CompressionStep::Kind::lz4}, lz4_bytes});
  kinds.push_back({"Lz4Blocks", {.kind = CompressionStep::Kind::lz4_blocks}, lz4_stream});
  return kinds;
}

class Compressions : public ::testing::TestWithParam<Coded> {};

TEST_P(Compressions, AreUndone) {
  const CodedBytes values = plain_bytes();
  EXPECT_EQ(decompress(GetParam().how, GetParam().encode(values), values.size()), values);
  EXPECT_EQ(decompress(GetParam().how, GetParam().encode(values), 1U << 20), values);
}

TEST_P(Compressions, MoreThanTheLimitIsAnError) {
  if (GetParam().how.kind != CompressionStep::Kind::crc32c) {
    const CodedBytes stored = GetParam().encode(plain_bytes());
    EXPECT_THROW(decompress(GetParam().how, stored, 4999), Error);
    EXPECT_THROW(decompress(GetParam().how, stored, 0), Error);
  }
}

TEST_P(Compressions, EveryShortenedOrChangedStreamIsOneErrorOrOtherBytes) {
  const CodedBytes stored = GetParam().encode(plain_bytes());
  for (std::size_t size = 0; size < stored.size(); size += 7) {
    EXPECT_THROW(decompress(GetParam().how, std::span(stored).first(size), 5000), Error) << size;
  }
  for (std::size_t i = 0; i < stored.size(); i += 3) {
    CodedBytes bytes = stored;
    bytes[i] ^= std::byte{0x55};
    try {
      EXPECT_LE(decompress(GetParam().how, bytes, 5000).size(), 5000U);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Compressions, ::testing::ValuesIn(all_kinds()),
                         [](const auto& tested) { return tested.param.name; });

TEST(CompressionStep, FewBytesDoNotTakeMuchMemory) {
  constexpr std::size_t kLimit = std::size_t{1} << 44;  // more than any machine has
  for (const Coded& kind : all_kinds()) {
    if (kind.how.kind != CompressionStep::Kind::crc32c) {
      const CodedBytes stored = kind.encode(plain_bytes());
      EXPECT_THROW(decompress(kind.how, std::span(stored).first(30), kLimit), Error) << kind.name;
    }
  }
}

}  // namespace
}  // namespace retina::store
