#include "retina/store/zarr/shard.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

ZarrMetadata shard_metadata() {
  ZarrMetadata metadata;
  metadata.shape = {4, 4};
  metadata.chunk = {2, 2};
  metadata.shard = {4, 4};
  metadata.shard_index = ShardIndexForm{};
  return metadata;
}

std::vector<std::byte> shard_bytes(const ShardIndexForm& form = {}) {
  const std::vector<std::byte> chunk{std::byte{1}, std::byte{2}, std::byte{3}};
  ShardBuilder builder(4);
  builder.add(2, chunk);
  builder.add(0, std::span(chunk).first(1));
  return std::move(builder).finish(form);
}

TEST(Shard, FindsItsChunks) {
  const testing::TempFolder folder;
  ZarrMetadata metadata = shard_metadata();
  for (const auto place : {ShardIndexForm::Place::start, ShardIndexForm::Place::end}) {
    metadata.shard_index->place = place;
    core::write_atomically(folder / "s", shard_bytes(*metadata.shard_index));
    const auto shard = ShardFile::open(folder / "s", metadata);
    ASSERT_TRUE(shard);
    EXPECT_EQ(shard->read(0).size(), 1U);
    EXPECT_EQ(shard->read(2).size(), 3U);
    EXPECT_EQ(shard->read(2)[1], std::byte{2});
    EXPECT_FALSE(shard->has(1));
    EXPECT_TRUE(shard->read(1).empty());
  }
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
  std::vector<std::byte> bytes = std::move(builder).finish({});
  bytes.erase(bytes.begin(), bytes.begin() + 990);
  core::write_atomically(folder / "s", bytes);
  const auto shard = ShardFile::open(folder / "s", shard_metadata());
  EXPECT_THROW(shard->read(1), Error);
}

}  // namespace
}  // namespace retina::store
