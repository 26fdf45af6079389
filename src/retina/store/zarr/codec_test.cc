#include "retina/store/zarr/codec.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/core/rng.h"

namespace retina::store {
namespace {

std::vector<std::byte> codec_values(std::size_t count) {
  core::Rng rng(1);
  std::vector<std::byte> bytes(count);
  for (std::byte& b : bytes) {
    b = static_cast<std::byte>(rng.integer(0, 3));
  }
  return bytes;
}

/// A chain of chunks of `layers` x 10 x 20 values of uint16.
CodecChain chain_of(const std::string& json, std::int64_t layers) {
  return CodecChain::parse(Json::parse(json),
                           {.dtype = core::DType::u16, .shape = {layers, 10, 20}});
}

class CodecChains : public ::testing::TestWithParam<std::string> {};

TEST_P(CodecChains, UndoThemselves) {
  const CodecChain chain = chain_of(GetParam(), 10);
  const auto values = codec_values(4000);
  EXPECT_EQ(chain.decode(chain.encode(values), values.size()), values);
  EXPECT_LE(chain.encode(values).size(), chain.most_encoded(values.size()));
  const CodecChain again = chain_of(chain.to_json().dump(), 10);
  EXPECT_EQ(again.encode(values), chain.encode(values));
}

TEST_P(CodecChains, EveryShortenedChunkIsOneError) {
  const CodecChain chain = chain_of(GetParam(), 2);
  const auto values = codec_values(800);
  std::vector<std::byte> stored = chain.encode(values);
  while (!stored.empty()) {
    stored.pop_back();
    EXPECT_THROW(chain.decode(stored, values.size()), Error) << stored.size();
  }
}

TEST_P(CodecChains, FlippedBytesAreOneErrorOrOtherValues) {
  const CodecChain chain = chain_of(GetParam(), 2);
  const auto values = codec_values(800);
  const std::vector<std::byte> stored = chain.encode(values);
  for (std::size_t i = 0; i < stored.size(); ++i) {
    std::vector<std::byte> bytes = stored;
    bytes[i] ^= std::byte{0xFF};
    try {
      EXPECT_EQ(chain.decode(bytes, values.size()).size(), values.size());
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Known, CodecChains,
    ::testing::Values(
        R"([{"name":"bytes"}])", R"([{"name":"bytes","configuration":{"endian":"big"}}])",
        R"([{"name":"bytes"},{"name":"zstd","configuration":{"level":3,"checksum":false}}])",
        R"([{"name":"bytes"},{"name":"gzip","configuration":{"level":5}}])",
        R"([{"name":"bytes"},{"name":"blosc","configuration":{"cname":"lz4","clevel":5,"shuffle":"bitshuffle","typesize":2,"blocksize":0}}])",
        R"([{"name":"bytes"},{"name":"zstd","configuration":{"level":1}},{"name":"crc32c"}])",
        R"([{"name":"transpose","configuration":{"order":[2,0,1]}},"bytes"])",
        R"([{"name":"transpose","configuration":{"order":[2,0,1]}},
            {"name":"transpose","configuration":{"order":[1,0,2]}},"bytes","zstd"])",
        R"([{"name":"sharding_indexed","configuration":{"chunk_shape":[1,5,10],
             "codecs":["bytes","gzip"],"index_codecs":["bytes","crc32c"]}}])",
        R"([{"name":"transpose","configuration":{"order":[2,1,0]}},
            {"name":"sharding_indexed","configuration":{"chunk_shape":[10,5,2],"codecs":
              [{"name":"sharding_indexed","configuration":{"chunk_shape":[5,5,1],
                "codecs":["bytes","zstd"],"index_codecs":["bytes","crc32c"]}}],
             "index_codecs":[{"name":"bytes","configuration":{"endian":"big"}},"crc32c"],
             "index_location":"start"}},"crc32c"])"));

TEST(Codec, BigEndianValuesAreSwapped) {
  const CodecChain chain = chain_of(R"([{"name":"bytes","configuration":{"endian":"big"}}])", 1);
  const std::vector<std::byte> stored{std::byte{1}, std::byte{2}};
  const std::vector<std::byte> values = chain.decode(stored, 2);
  EXPECT_EQ(values[0], std::byte{2});
}

TEST(Codec, FortranOrderHasTheFirstDimensionFastest) {
  const CodecChain chain = CodecChain::parse_v2({.compressor = nullptr, .is_fortran_order = true},
                                                {.dtype = core::DType::u8, .shape = {2, 3}});
  const std::string stored = "adbecf";
  const std::string values = "abcdef";
  const auto decoded = chain.decode(std::as_bytes(std::span(stored)), 6);
  EXPECT_TRUE(std::equal(decoded.begin(), decoded.end(), std::as_bytes(std::span(values)).begin()));
}

TEST(Codec, ChunksMissingInANestedShardHoldTheFillValue) {
  const CodecChain chain = CodecChain::parse(
      Json::parse(R"([{"name":"sharding_indexed","configuration":{"chunk_shape":[1],
        "codecs":["bytes"],"index_codecs":["bytes"]}},"crc32c"])"),
      {.dtype = core::DType::u8, .shape = {2}, .fill = {std::byte{9}}});
  std::vector<std::byte> shard(32, std::byte{0xFF});
  const CodecChain sum = CodecChain::parse(Json::parse(R"(["bytes","crc32c"])"), {});
  EXPECT_EQ(chain.decode(sum.encode(shard), 2), std::vector<std::byte>(2, std::byte{9}));
}

TEST(Codec, AFlippedBitFailsTheChecksum) {
  const CodecChain chain = chain_of(R"(["bytes","crc32c"])", 1);
  std::vector<std::byte> stored = chain.encode(codec_values(100));
  stored[5] ^= std::byte{4};
  EXPECT_THROW(chain.decode(stored, 100), Error);
}

TEST(Codec, SettingsThatNoNumberOfTheirsHoldsAreRefused) {
  for (const char* json :
       {R"(["bytes",{"name":"zstd","configuration":{"level":1e300}}])",
        R"(["bytes",{"name":"gzip","configuration":{"level":18446744073709551615}}])",
        R"(["bytes",{"name":"blosc","configuration":{"typesize":-1}}])",
        R"(["bytes",{"name":"blosc","configuration":{"shuffle":1e300}}])",
        R"([{"name":"transpose","configuration":{"order":[2,0,-1e300]}},"bytes"])",
        R"([{"name":"sharding_indexed","configuration":{"chunk_shape":[1,5,1e300],
            "codecs":["bytes"],"index_codecs":["bytes"]}}])"}) {
    try {
      chain_of(json, 1);
      FAIL() << json;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data) << json;
    }
  }
}

TEST(Codec, UnknownCodecsAreNamedWithTheKnown) {
  try {
    chain_of(R"(["bytes","pcodec"])", 1);
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                ::testing::AllOf(::testing::HasSubstr("pcodec"), ::testing::HasSubstr("blosc")));
  }
}

}  // namespace
}  // namespace retina::store
