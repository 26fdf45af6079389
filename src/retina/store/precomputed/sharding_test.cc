#include "retina/store/precomputed/sharding.h"

#include <fstream>
#include <map>
#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/store/behaviour.h"
#include "retina/store/block.h"
#include "retina/store/open.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

TEST(PrecomputedSharding, MortonCodesAreCompact) {
  const core::Vec3 grid{3, 1, 6};  // 2, 0 and 3 bits
  std::set<std::uint64_t> codes;
  for (std::int64_t z = 0; z < grid[0]; ++z) {
    for (std::int64_t x = 0; x < grid[2]; ++x) {
      codes.insert(compressed_morton_code({z, 0, x}, grid));
    }
  }
  EXPECT_EQ(codes.size(), 18U);
  EXPECT_LT(*codes.rbegin(), 32U);
  EXPECT_EQ(compressed_morton_code({0, 0, 1}, grid), 0b00001U);
  EXPECT_EQ(compressed_morton_code({1, 0, 0}, grid), 0b00010U);
  EXPECT_EQ(compressed_morton_code({0, 0, 2}, grid), 0b00100U);
  EXPECT_EQ(compressed_morton_code({2, 0, 0}, grid), 0b01000U);
  EXPECT_EQ(compressed_morton_code({0, 0, 4}, grid), 0b10000U);
}

TEST(PrecomputedSharding, ShardNamesHaveAsManyDigitsAsTheBitsNeed) {
  EXPECT_EQ(shard_file_name({.shard_bits = 0}, 0), "0.shard");
  EXPECT_EQ(shard_file_name({.shard_bits = 4}, 10), "a.shard");
  EXPECT_EQ(shard_file_name({.shard_bits = 9}, 10), "00a.shard");
}

void append_word(std::string& out, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) {
    out.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
  }
}

/// One shard from the chunks of each of its minishards.
std::string shard_content(const std::map<std::uint64_t, std::map<std::uint64_t, std::string>>& all,
                          std::uint64_t minishards) {
  std::string table;
  std::string body;
  for (std::uint64_t m = 0; m < minishards; ++m) {
    const auto found = all.find(m);
    if (found == all.end()) {
      append_word(table, 0);
      append_word(table, 0);
      continue;
    }
    std::string numbers;
    std::string starts;
    std::string sizes;
    std::uint64_t last_number = 0;
    std::uint64_t last_end = 0;
    for (const auto& [number, bytes] : found->second) {
      append_word(numbers, number - last_number);
      append_word(starts, body.size() - last_end);
      append_word(sizes, bytes.size());
      body += bytes;
      last_number = number;
      last_end = body.size();
    }
    append_word(table, body.size());
    body += numbers + starts + sizes;
    append_word(table, body.size());
  }
  return table + body;
}

/// Chunks of 8 x 16 x 8 in 4 shards of 4 minishards.
void make_sharded(const std::string& path, const core::Array& values) {
  PrecomputedInfo info{.dtype = values.dtype(), .channels = values.channels()};
  info.scales = {{.key = "1", .shape = values.shape(), .chunk = {8, 16, 8}}};
  const PrecomputedScale& scale = info.scales[0];
  const PrecomputedSharding sharding{.preshift_bits = 1,
                                     .minishard_bits = 2,
                                     .shard_bits = 2,
                                     .hash = PrecomputedSharding::Hash::murmurhash3_x86_128};
  std::map<std::uint64_t, std::map<std::uint64_t, std::map<std::uint64_t, std::string>>> shards;
  for_each_cell(with_channels(core::whole(scale.shape), 1), {1, 8, 16, 8}, [&](const Index4& at) {
    const core::Box3 cell = core::intersect({{at[1] * 8, at[2] * 16, at[3] * 8}, scale.chunk},
                                            core::whole(scale.shape));
    const core::Array chunk = cut(values, cell);
    const std::uint64_t number = compressed_morton_code({at[1], at[2], at[3]}, chunk_grid(scale));
    const ShardPlace place = place_in_shards(sharding, number);
    shards[place.shard][place.minishard][number] = {
        reinterpret_cast<const char*>(chunk.bytes().data()), chunk.bytes().size()};
  });
  std::filesystem::create_directories(path + "/1");
  for (const auto& [shard, minishards] : shards) {
    std::ofstream(path + "/1/" + shard_file_name(sharding, shard), std::ios::binary)
        << shard_content(minishards, 4);
  }
  Json json = to_json(info);
  json["scales"][0]["sharding"] = {{"@type", "neuroglancer_uint64_sharded_v1"},
                                   {"preshift_bits", 1},
                                   {"minishard_bits", 2},
                                   {"shard_bits", 2},
                                   {"hash", "murmurhash3_x86_128"}};
  std::ofstream(path + "/info") << json.dump();
}

TEST(PrecomputedSharding, DamagedShardsAreErrorsOrOtherValues) {
  const testing::TempFolder folder;
  const core::Array values = random_array(core::DType::u8, 1, {16, 30, 16}, 2);
  const std::string path = (folder / "a").string();
  make_sharded(path, values);
  std::filesystem::path shard = path + "/1/0.shard";
  ASSERT_TRUE(std::filesystem::exists(shard));
  std::ifstream in(shard, std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(in), {}};
  core::Rng rng(6);
  for (int i = 0; i < 300; ++i) {
    std::string bytes = good;
    bytes[static_cast<std::size_t>(rng.integer(0, 63))] = static_cast<char>(rng.integer(0, 255));
    if (i % 3 == 0) {
      bytes.resize(
          static_cast<std::size_t>(rng.integer(0, static_cast<std::int64_t>(good.size()))));
    }
    std::ofstream(shard, std::ios::binary) << bytes;
    try {
      open(path)->read(core::whole(values.shape()));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::bad_data);
      EXPECT_THAT(error.what(), ::testing::HasSubstr("0.shard"));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(PrecomputedSharded, StoreReading,
                         ::testing::Values(FormatCase{.name = "ShardedU8",
                                                      .extension = ".precomputed",
                                                      .shape = {17, 40, 37},
                                                      .make = make_sharded},
                                           FormatCase{.name = "ShardedColour",
                                                      .extension = "",
                                                      .dtype = core::DType::u16,
                                                      .shape = {17, 40, 37},
                                                      .channels = 3,
                                                      .make = make_sharded}),
                         name_of_case);

}  // namespace
}  // namespace retina::store
