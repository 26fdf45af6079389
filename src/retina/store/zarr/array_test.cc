#include "retina/store/zarr/array.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

ZarrMetadata plane_metadata() {
  ZarrMetadata metadata;
  metadata.shape = {8, 8};
  metadata.chunk = {2, 2};
  metadata.shard = {4, 4};
  metadata.shard_index = ShardIndexForm{};
  metadata.codecs = CodecChain::standard(core::DType::u8);
  metadata.fill = {std::byte{7}};
  return metadata;
}

TEST(ZarrArray, MissingShardsHoldTheFillValue) {
  const testing::TempFolder folder;
  const ZarrArray array(folder.path(), plane_metadata(), "yx");
  const core::Array values = array.read({{0, 0, 2, 2}, {1, 1, 3, 3}});
  EXPECT_THAT(values.values<std::uint8_t>(), ::testing::Each(7));
}

TEST(ZarrArray, WritesOnlyTheShardsTouched) {
  const testing::TempFolder folder;
  ZarrArray array(folder.path(), plane_metadata(), "yx");
  array.write({{0, 0, 5, 1}, {1, 1, 1, 1}}, core::Array(core::DType::u8, 1, {1, 1, 1}));
  EXPECT_TRUE(std::filesystem::exists(folder / "c/1/0"));
  EXPECT_FALSE(std::filesystem::exists(folder / "c/0"));
  EXPECT_TRUE(array.has_shard({0, 0, 1, 0}));
}

TEST(ZarrArray, AShardOfFillValuesIsStillStored) {
  const testing::TempFolder folder;
  ZarrMetadata metadata = plane_metadata();
  metadata.fill = {std::byte{0}};
  ZarrArray array(folder.path(), metadata, "yx");
  array.write({{0, 0, 0, 0}, {1, 1, 4, 4}}, core::Array(core::DType::u8, 1, {1, 4, 4}));
  EXPECT_TRUE(array.has_shard({0, 0, 0, 0}));
  EXPECT_LT(std::filesystem::file_size(folder / "c/0/0"), 100U);
}

TEST(ZarrArray, RefusesAxesThatAreNone) {
  EXPECT_THROW(ZarrArray("/nowhere", plane_metadata(), "zx"), Error);
  EXPECT_THROW(ZarrArray("/nowhere", plane_metadata(), "zyx"), Error);
  EXPECT_THROW(ZarrArray("/nowhere", plane_metadata(), "yy"), Error);
}

TEST(ZarrArray, DimensionsInAnyOrderBecomeCzyx) {
  const testing::TempFolder folder;
  core::Array values(core::DType::u8, 1, {1, 8, 8});
  for (std::size_t i = 0; i < 64; ++i) {
    values.values<std::uint8_t>()[i] = static_cast<std::uint8_t>(i);
  }
  ZarrArray(folder.path(), plane_metadata(), "yx").write({{0, 0, 0, 0}, {1, 1, 8, 8}}, values);
  ZarrArray turned(folder.path(), plane_metadata(), "xy");
  const core::Array part = turned.read({{0, 0, 1, 3}, {1, 1, 2, 4}});
  EXPECT_THAT(part.values<std::uint8_t>(), ::testing::ElementsAre(25, 33, 41, 49, 26, 34, 42, 50));
  EXPECT_THROW(turned.write({{0, 0, 0, 0}, {1, 1, 8, 8}}, values), Error);
}

TEST(ZarrArray, AChunkMayHoldSeveralTimes) {
  const testing::TempFolder folder;
  ZarrMetadata metadata = plane_metadata();
  metadata.shape = {1, 2, 2};
  metadata.chunk = metadata.shard = {3, 2, 2};
  metadata.shard_index.reset();
  metadata.codecs = CodecChain::parse(Json::parse(R"(["bytes"])"), {});
  std::filesystem::create_directories(folder / "c/0/0");
  core::write_atomically(folder / "c/0/0/0", std::string_view("abcdefghijkl"));
  const ZarrArray array(folder.path(), metadata, "tyx");
  const core::Array values = array.read({{0, 0, 0, 0}, {1, 1, 2, 2}});
  EXPECT_THAT(values.values<std::uint8_t>(), ::testing::ElementsAre('a', 'b', 'c', 'd'));
}

TEST(ZarrArray, RefusesSeveralTimePoints) {
  ZarrMetadata metadata = plane_metadata();
  metadata.shape = {2, 8, 8};
  metadata.chunk = {1, 2, 2};
  metadata.shard = {1, 4, 4};
  EXPECT_THROW(ZarrArray("/nowhere", metadata, "tyx"), Error);
  metadata.shape[0] = 1;
  EXPECT_EQ(ZarrArray("/nowhere", metadata, "tyx").shape(), (Index4{1, 1, 8, 8}));
}

TEST(ZarrArray, ADamagedChunkNamesItsPlace) {
  const testing::TempFolder folder;
  ZarrMetadata metadata = plane_metadata();
  metadata.shard_index.reset();
  metadata.shard = metadata.chunk;
  std::filesystem::create_directories(folder / "c/1");
  core::write_atomically(folder / "c/1/2", std::string_view("rubbish"));
  const ZarrArray array(folder.path(), metadata, "yx");
  try {
    array.read({{0, 0, 0, 0}, {1, 1, 8, 8}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("[0, 0, 1, 2]"));
  }
}

TEST(ZarrArray, AChunkFileThatCannotBeAChunkIsNotReadIntoMemory) {
  const testing::TempFolder folder;
  ZarrMetadata metadata = plane_metadata();
  metadata.shard_index.reset();
  metadata.shard = metadata.chunk;
  std::filesystem::create_directories(folder / "c/0");
  core::write_atomically(folder / "c/0/0", std::string_view("x"));
  std::filesystem::resize_file(folder / "c/0/0", std::uintmax_t{1} << 40);  // sparse
  const ZarrArray array(folder.path(), metadata, "yx");
  try {
    array.read({{0, 0, 0, 0}, {1, 1, 1, 1}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr((folder / "c/0/0").string()));
  }
}

}  // namespace
}  // namespace retina::store
