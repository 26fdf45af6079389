#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/store/zarr/array_metadata.h"

namespace retina::store {
namespace {

Json good_metadata_v2() {
  return Json::parse(R"({"zarr_format":2,"shape":[10,20,30],"chunks":[4,8,16],"dtype":"<u2",
    "compressor":{"id":"blosc","cname":"lz4","clevel":5,"shuffle":1,"blocksize":0},
    "fill_value":3,"order":"C","filters":null})");
}

std::string message_of_v2(const Json& json) {
  try {
    parse_array_metadata_v2(json, Json::object());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "parsed";
}

TEST(ArrayMetadataV2, ReadsWhatItWrites) {
  const ZarrMetadata metadata = parse_array_metadata_v2(good_metadata_v2(), Json::object());
  EXPECT_EQ(metadata.separator, '.');
  EXPECT_EQ(metadata.shard, metadata.chunk);
  const Json once = to_json(metadata);
  EXPECT_EQ(to_json(parse_array_metadata_v2(once, Json::object())), once);
}

TEST(ArrayMetadataV2, AllTypesOfNumbersAreKnown) {
  const std::vector<std::pair<std::string, core::DType>> types{
      {"|u1", core::DType::u8},  {"|b1", core::DType::u8},  {">u2", core::DType::u16},
      {"<u4", core::DType::u32}, {"<u8", core::DType::u64}, {"|i1", core::DType::i8},
      {">i2", core::DType::i16}, {"<i4", core::DType::i32}, {">i8", core::DType::i64},
      {"<f4", core::DType::f32}, {">f8", core::DType::f64}};
  Json json = good_metadata_v2();
  for (const auto& [name, dtype] : types) {
    json["dtype"] = name;
    EXPECT_EQ(parse_array_metadata_v2(json, Json::object()).dtype, dtype) << name;
  }
  for (const char* name : {"<f2", "<c8", "|S4", "u", "", "<u3"}) {
    json["dtype"] = name;
    EXPECT_THAT(message_of_v2(json), ::testing::HasSubstr("dtype")) << name;
  }
}

TEST(ArrayMetadataV2, FillValuesInEveryForm) {
  Json json = good_metadata_v2();
  const auto fill = [&] {
    return to_json(parse_array_metadata_v2(json, Json::object()))["fill_value"];
  };
  json["fill_value"] = nullptr;
  EXPECT_EQ(fill(), 0);
  json["fill_value"] = "AQI=";
  EXPECT_EQ(fill(), 0x0201);
  json["dtype"] = ">u2";
  EXPECT_EQ(fill(), 0x0102);
  json["fill_value"] = "AQID";  // three bytes
  EXPECT_THAT(message_of_v2(json), ::testing::HasSubstr("fill_value"));
  json["dtype"] = "<f4";
  json["fill_value"] = "-Infinity";
  EXPECT_EQ(fill(), "-Infinity");
  json["dtype"] = "|b1";
  json["fill_value"] = true;
  EXPECT_EQ(fill(), 1);
}

TEST(ArrayMetadataV2, WhatIsNotReadIsNamed) {
  Json json = good_metadata_v2();
  json["filters"] = Json::parse(R"([{"id":"delta"},{"id":"shuffle"}])");
  EXPECT_THAT(message_of_v2(json), ::testing::HasSubstr("delta, shuffle"));
  json = good_metadata_v2();
  json["compressor"] = {{"id", "zfpy"}};
  EXPECT_THAT(message_of_v2(json), ::testing::HasSubstr("zfpy"));
  json["compressor"] = {{"id", "lzma"}, {"format", 3}};
  EXPECT_THAT(message_of_v2(json), ::testing::HasSubstr("lzma"));
  json = good_metadata_v2();
  json["order"] = "A";
  EXPECT_THAT(message_of_v2(json), ::testing::HasSubstr("order"));
  json = good_metadata_v2();
  json["dimension_separator"] = "-";
  EXPECT_THAT(message_of_v2(json), ::testing::HasSubstr("dimension_separator"));
}

TEST(ArrayMetadataV2, SizesThatCannotBeAreRefused) {
  Json json = good_metadata_v2();
  json["chunks"] = {1 << 20, 1 << 20, 1 << 20};
  EXPECT_THAT(message_of_v2(json), ::testing::HasSubstr("2 GiB"));
  json = good_metadata_v2();
  json["shape"] = {std::int64_t{1} << 39, std::int64_t{1} << 39, 1};
  EXPECT_THAT(message_of_v2(json), ::testing::HasSubstr("shape"));
  json["shape"] = {10, 20};
  EXPECT_THAT(message_of_v2(json), ::testing::HasSubstr("chunks"));
  json["shape"] = {10, 20, 0};
  EXPECT_THAT(message_of_v2(json), ::testing::HasSubstr("shape"));
  json.erase("shape");
  EXPECT_THAT(message_of_v2(json), ::testing::HasSubstr("shape"));
}

}  // namespace
}  // namespace retina::store
