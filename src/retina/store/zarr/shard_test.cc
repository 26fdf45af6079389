#include "retina/store/zarr/shard.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

ZarrMetadata shard_metadata() {
  ZarrMetadata metadata;
  metadata.shape = {4, 4};
  metadata.chunk = {2, 2};
  metadata.shard = {4, 4};
  metadata.is_sharded = true;
  metadata.index_codecs = CodecChain::index();
  return metadata;
}

std::vector<std::byte> shard_bytes() {
  const std::vector<std::byte> chunk{std::byte{1}, std::byte{2}, std::byte{3}};
  ShardBuilder builder(4);
  builder.add(2, chunk);
  builder.add(0, std::span(chunk).first(1));
  return std::move(builder).finish(CodecChain::index());
}

TEST(Shard, FindsItsChunks) {
  const testing::TempFolder folder;
  core::write_atomically(folder / "s", shard_bytes());
  const auto shard = ShardFile::open(folder / "s", shard_metadata());
  ASSERT_TRUE(shard);
  EXPECT_EQ(shard->stored(0).size(), 1U);
  EXPECT_EQ(shard->stored(2).size(), 3U);
  EXPECT_TRUE(shard->stored(1).empty());
}

TEST(Shard, AMissingFileIsNoShard) {
  EXPECT_FALSE(ShardFile::open("/nowhere/s", shard_metadata()));
}

TEST(Shard, ADamagedIndexNamesTheFile) {
  const testing::TempFolder folder;
  std::vector<std::byte> bytes = shard_bytes();
  bytes[bytes.size() - 10] ^= std::byte{1};
  core::write_atomically(folder / "s", bytes);
  try {
    ShardFile::open(folder / "s", shard_metadata());
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr((folder / "s").string()));
  }
}

TEST(Shard, AnExtentOutsideTheFileIsRefused) {
  const testing::TempFolder folder;
  ShardBuilder builder(4);
  builder.add(1, std::vector<std::byte>(1000));
  std::vector<std::byte> bytes = std::move(builder).finish(CodecChain::index());
  bytes.erase(bytes.begin(), bytes.begin() + 990);
  core::write_atomically(folder / "s", bytes);
  const auto shard = ShardFile::open(folder / "s", shard_metadata());
  EXPECT_THROW(shard->stored(1), Error);
}

}  // namespace
}  // namespace retina::store
