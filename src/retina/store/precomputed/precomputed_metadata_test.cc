#include "retina/store/precomputed/precomputed_metadata.h"

#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::store {
namespace {

Json good_info() {
  return Json::parse(R"({"@type":"neuroglancer_multiscale_volume","type":"segmentation",
    "data_type":"uint64","num_channels":1,"scales":[{"key":"8_8_40","size":[300,200,100],
    "voxel_offset":[5,-6,7],"resolution":[8,8,40],"chunk_sizes":[[64,32,16]],
    "encoding":"compressed_segmentation","compressed_segmentation_block_size":[8,4,2],
    "sharding":{"@type":"neuroglancer_uint64_sharded_v1","hash":"murmurhash3_x86_128",
    "preshift_bits":9,"minishard_bits":6,"shard_bits":15,"data_encoding":"gzip"}}]})");
}

std::string message_of_info(const std::function<void(Json&)>& change) {
  Json json = good_info();
  change(json);
  try {
    parse_precomputed(json);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    return error.what();
  }
  return "parsed";
}

TEST(PrecomputedMetadata, TurnsSizesToZyx) {
  const PrecomputedInfo info = parse_precomputed(good_info());
  EXPECT_TRUE(info.is_labels);
  EXPECT_EQ(info.dtype, core::DType::u64);
  const PrecomputedScale& scale = info.scales.at(0);
  EXPECT_EQ(scale.shape, (core::Vec3{100, 200, 300}));
  EXPECT_EQ(scale.start, (core::Vec3{7, -6, 5}));
  EXPECT_EQ(scale.chunk, (core::Vec3{16, 32, 64}));
  EXPECT_EQ(scale.block, (core::Vec3{2, 4, 8}));
  EXPECT_EQ(scale.voxel_nm, (core::Vec3d{40, 8, 8}));
  EXPECT_EQ(scale.sharding->shard_bits, 15);
  EXPECT_EQ(scale.sharding->data, PrecomputedSharding::Encoding::gzip);
  EXPECT_EQ(scale.sharding->index, PrecomputedSharding::Encoding::raw);
}

TEST(PrecomputedMetadata, WritesWhatItReads) {
  Json json = good_info();
  json["scales"][0].erase("sharding");
  const Json once = to_json(parse_precomputed(json));
  EXPECT_EQ(to_json(parse_precomputed(once)), once);
}

TEST(PrecomputedMetadata, EveryRefusalNamesWhatWasFound) {
  using ::testing::HasSubstr;
  const auto scale = [](const char* member, const Json& value) {
    return message_of_info([&](Json& json) { json["scales"][0][member] = value; });
  };
  EXPECT_THAT(message_of_info([](Json& j) { j["data_type"] = "float16"; }), HasSubstr("float16"));
  EXPECT_THAT(message_of_info([](Json& j) { j["num_channels"] = 0; }), HasSubstr("num_channels"));
  EXPECT_THAT(message_of_info([](Json& j) { j["num_channels"] = 1e300; }),
              HasSubstr("num_channels"));
  EXPECT_THAT(message_of_info([](Json& j) { j["scales"] = Json::array(); }), HasSubstr("scales"));
  EXPECT_THAT(message_of_info([](Json& j) { j.erase("scales"); }), HasSubstr("scales"));
  EXPECT_THAT(message_of_info([](Json& j) { j["@type"] = "neuroglancer_skeletons"; }),
              HasSubstr("skeletons"));
  EXPECT_THAT(message_of_info([](Json& j) { j = Json::array(); }), HasSubstr("info"));
  EXPECT_THAT(scale("encoding", "kempressed"), HasSubstr("kempressed"));
  EXPECT_THAT(scale("encoding", "jpeg"), HasSubstr("jpeg for 1 channel(s) of uint64"));
  EXPECT_THAT(scale("size", {1, 2}), HasSubstr("[1,2]"));
  EXPECT_THAT(scale("size", {-1, 2, 3}), HasSubstr("[-1,2,3]"));
  EXPECT_THAT(scale("resolution", {0, 2, 3}), HasSubstr("resolution"));
  EXPECT_THAT(scale("chunk_sizes", {{4096, 4096, 4096}}), HasSubstr("2 GiB"));
  EXPECT_THAT(scale("key", "/etc"), HasSubstr("/etc"));
  EXPECT_THAT(scale("size", {std::int64_t{1} << 40, std::int64_t{1} << 40, std::int64_t{1} << 40}),
              HasSubstr("2^62"));
  EXPECT_THAT(message_of_info([](Json& j) { j["scales"][0]["sharding"]["hash"] = "md5"; }),
              HasSubstr("md5"));
  EXPECT_THAT(message_of_info([](Json& j) { j["scales"][0]["sharding"]["minishard_bits"] = 70; }),
              HasSubstr("70"));
  EXPECT_THAT(message_of_info([](Json& j) { j["scales"][0]["sharding"]["shard_bits"] = -1e300; }),
              HasSubstr("shard_bits"));
  EXPECT_THAT(scale("voxel_offset", {0, 0, 18446744073709551615ULL}), HasSubstr("voxel_offset"))
      << "not -1";
}

}  // namespace
}  // namespace retina::store
