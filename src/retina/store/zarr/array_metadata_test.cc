#include "retina/store/zarr/array_metadata.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::store {
namespace {

Json good_metadata() {
  return Json::parse(R"({"zarr_format":3,"node_type":"array","shape":[10,20,30],
    "data_type":"uint16","chunk_grid":{"name":"regular","configuration":{"chunk_shape":[4,8,16]}},
    "chunk_key_encoding":{"name":"default","configuration":{"separator":"/"}},"fill_value":3,
    "codecs":[{"name":"sharding_indexed","configuration":{"chunk_shape":[2,4,8],
      "codecs":[{"name":"bytes","configuration":{"endian":"little"}}],
      "index_codecs":[{"name":"bytes"},{"name":"crc32c"}],"index_location":"end"}}]})");
}

std::string message_of_metadata(const Json& json) {
  try {
    parse_array_metadata(json);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "parsed";
}

TEST(ArrayMetadata, ReadsShards) {
  const ZarrMetadata metadata = parse_array_metadata(good_metadata());
  EXPECT_TRUE(metadata.is_sharded);
  EXPECT_EQ(metadata.chunks_per_shard(), 8);
  EXPECT_EQ(metadata.chunk_bytes(), 2U * 2 * 4 * 8);
  EXPECT_EQ(std::to_integer<int>(metadata.fill[0]), 3);
}

TEST(ArrayMetadata, WritesWhatItReads) {
  const Json once = to_json(parse_array_metadata(good_metadata()));
  EXPECT_EQ(to_json(parse_array_metadata(once)), once);
}

TEST(ArrayMetadata, SharesEveryRefusalWithTheFoundValue) {
  Json json = good_metadata();
  json["data_type"] = "float16";
  EXPECT_THAT(message_of_metadata(json), ::testing::HasSubstr("float16"));
  json = good_metadata();
  json["shape"] = {10, -1, 30};
  EXPECT_THAT(message_of_metadata(json), ::testing::HasSubstr("-1"));
  json = good_metadata();
  json["chunk_grid"]["configuration"]["chunk_shape"] = {4, 8, 15};
  EXPECT_THAT(message_of_metadata(json), ::testing::HasSubstr("multiples"));
  json = good_metadata();
  json["fill_value"] = "abc";
  EXPECT_THAT(message_of_metadata(json), ::testing::HasSubstr("abc"));
  json = good_metadata();
  json.erase("codecs");
  EXPECT_THAT(message_of_metadata(json), ::testing::HasSubstr("codecs"));
}

TEST(ArrayMetadata, HugeChunksAreRefusedBeforeMemoryIsTaken) {
  Json json = good_metadata();
  json["chunk_grid"]["configuration"]["chunk_shape"] = {1 << 20, 1 << 20, 1 << 20};
  json["codecs"][0]["configuration"]["chunk_shape"] = {1 << 20, 1 << 20, 1 << 20};
  EXPECT_THAT(message_of_metadata(json), ::testing::HasSubstr("2 GiB"));
}

TEST(ArrayMetadata, FloatsMayFillWithNaN) {
  Json json = good_metadata();
  json["data_type"] = "float32";
  json["fill_value"] = "NaN";
  EXPECT_EQ(parse_array_metadata(json).fill.size(), 4U);
}

}  // namespace
}  // namespace retina::store
