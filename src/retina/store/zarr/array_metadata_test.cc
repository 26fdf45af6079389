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
  EXPECT_TRUE(metadata.shard_index);
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
  for (const char* fill : {"NaN", "Infinity", "-Infinity"}) {
    json["fill_value"] = fill;
    EXPECT_EQ(parse_array_metadata(json).fill.size(), 4U);
    EXPECT_EQ(to_json(parse_array_metadata(json))["fill_value"], fill);
  }
  json["fill_value"] = "0x3fc00000";
  EXPECT_EQ(to_json(parse_array_metadata(json))["fill_value"], 1.5);
  json["fill_value"] = "0x3fc0000000";
  EXPECT_THAT(message_of_metadata(json), ::testing::HasSubstr("0x3fc0000000"));
}

TEST(ArrayMetadata, FillValuesOutsideTheTypeAreRefused) {
  Json json = good_metadata();
  for (const Json& fill : {Json(-1), Json(65536), Json(1.5), Json(1e300), Json("NaN")}) {
    json["fill_value"] = fill;
    EXPECT_THAT(message_of_metadata(json), ::testing::HasSubstr("fill_value"));
  }
  json["fill_value"] = 12.0;
  EXPECT_EQ(to_json(parse_array_metadata(json))["fill_value"], 12);
}

TEST(ArrayMetadata, CodecsMayBeNamesAlone) {
  Json json = good_metadata();
  json["codecs"] = {"bytes", "crc32c"};
  EXPECT_FALSE(parse_array_metadata(json).shard_index);
}

TEST(ArrayMetadata, WhatSurroundsShardsIsDecodedAsOne) {
  Json json = good_metadata();
  json["codecs"].push_back("crc32c");
  const ZarrMetadata metadata = parse_array_metadata(json);
  EXPECT_FALSE(metadata.shard_index);
  EXPECT_EQ(metadata.chunk, (Sides{4, 8, 16}));
}

TEST(ArrayMetadata, ShardsInShardsWithoutEndAreRefused) {
  Json json = good_metadata();
  Json sharding = json["codecs"][0];
  for (int i = 0; i < 100; ++i) {
    Json outer = sharding;
    outer["configuration"]["codecs"] = Json::array({sharding});
    sharding = outer;
  }
  json["codecs"] = Json::array({sharding});
  EXPECT_THAT(message_of_metadata(json), ::testing::HasSubstr("shards in shards"));
}

TEST(ArrayMetadata, AnIndexOfUnknownSizeIsRefused) {
  Json json = good_metadata();
  json["codecs"][0]["configuration"]["index_codecs"].push_back("zstd");
  EXPECT_THAT(message_of_metadata(json), ::testing::HasSubstr("index_codecs"));
}

}  // namespace
}  // namespace retina::store
