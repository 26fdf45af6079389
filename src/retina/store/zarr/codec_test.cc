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

CodecChain chain_of(const std::string& json, core::DType dtype = core::DType::u16) {
  return CodecChain::parse(Json::parse(json), dtype);
}

class CodecChains : public ::testing::TestWithParam<std::string> {};

TEST_P(CodecChains, UndoThemselves) {
  const CodecChain chain = chain_of(GetParam());
  const auto values = codec_values(4000);
  EXPECT_EQ(chain.decode(chain.encode(values), values.size()), values);
  const CodecChain again = CodecChain::parse(chain.to_json(), core::DType::u16);
  EXPECT_EQ(again.encode(values), chain.encode(values));
}

TEST_P(CodecChains, EveryShortenedChunkIsOneError) {
  const CodecChain chain = chain_of(GetParam());
  const auto values = codec_values(400);
  std::vector<std::byte> stored = chain.encode(values);
  while (!stored.empty()) {
    stored.pop_back();
    EXPECT_THROW(chain.decode(stored, values.size()), Error) << stored.size();
  }
}

INSTANTIATE_TEST_SUITE_P(
    Known, CodecChains,
    ::testing::Values(
        R"([{"name":"bytes"}])", R"([{"name":"bytes","configuration":{"endian":"big"}}])",
        R"([{"name":"bytes"},{"name":"zstd","configuration":{"level":3,"checksum":false}}])",
        R"([{"name":"bytes"},{"name":"gzip","configuration":{"level":5}}])",
        R"([{"name":"bytes"},{"name":"blosc","configuration":{"cname":"lz4","clevel":5,"shuffle":"bitshuffle","typesize":2,"blocksize":0}}])",
        R"([{"name":"bytes"},{"name":"zstd","configuration":{"level":1}},{"name":"crc32c"}])"));

TEST(Codec, BigEndianValuesAreSwapped) {
  const CodecChain chain = chain_of(R"([{"name":"bytes","configuration":{"endian":"big"}}])");
  const std::vector<std::byte> stored{std::byte{1}, std::byte{2}};
  const std::vector<std::byte> values = chain.decode(stored, 2);
  EXPECT_EQ(values[0], std::byte{2});
}

TEST(Codec, ChecksumsMatchTheStandardCheckValue) {
  const std::string text = "123456789";
  EXPECT_EQ(crc32c(std::as_bytes(std::span(text))), 0xE3069283U);
}

TEST(Codec, AFlippedBitFailsTheChecksum) {
  const CodecChain chain = chain_of(R"([{"name":"bytes"},{"name":"crc32c"}])");
  std::vector<std::byte> stored = chain.encode(codec_values(100));
  stored[5] ^= std::byte{4};
  EXPECT_THROW(chain.decode(stored, 100), Error);
}

TEST(Codec, UnknownCodecsAreNamedWithTheKnown) {
  try {
    chain_of(R"([{"name":"bytes"},{"name":"pcodec"}])");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(),
                ::testing::AllOf(::testing::HasSubstr("pcodec"), ::testing::HasSubstr("blosc")));
  }
}

}  // namespace
}  // namespace retina::store
