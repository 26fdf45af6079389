#include "retina/store/hdf5/chunk_log.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "retina/testing/temp_folder.h"

namespace retina::store {
namespace {

std::vector<std::byte> bytes_like(std::size_t count, int value) {
  return std::vector<std::byte>(count, static_cast<std::byte>(value));
}

TEST(ChunkLog, TheLastOfAnIndexCounts) {
  const testing::TempFolder folder;
  ChunkLog log(folder / "log", 4);
  log.put(2, bytes_like(100, 1));
  log.put(0, {});
  log.put(2, bytes_like(30, 2));
  EXPECT_EQ(log.get(2), bytes_like(30, 2));
  EXPECT_EQ(log.get(0), bytes_like(0, 0));
  EXPECT_FALSE(log.get(1));
  EXPECT_TRUE(log.has(0));
  EXPECT_FALSE(log.has(3));
  EXPECT_EQ(log.bytes(), 30);
  EXPECT_EQ(log.filled(), 1);
}

TEST(ChunkLog, TheSameBytesAgainTakeNoSpace) {
  const testing::TempFolder folder;
  ChunkLog(folder / "log", 4).put(1, bytes_like(1000, 1));
  const auto size = std::filesystem::file_size(folder / "log");
  ChunkLog log(folder / "log", 4);
  log.put(1, bytes_like(1000, 1));
  EXPECT_EQ(std::filesystem::file_size(folder / "log"), size);
  log.put(1, bytes_like(1000, 2));  // as long, but not the same
  EXPECT_GT(std::filesystem::file_size(folder / "log"), size);
  EXPECT_EQ(log.get(1), bytes_like(1000, 2));
  log.put(2, {});
  EXPECT_TRUE(log.has(2));
}

TEST(ChunkLog, ALaterProcessFindsWholeRecords) {
  const testing::TempFolder folder;
  {
    ChunkLog log(folder / "log", 4);
    log.put(1, bytes_like(1000, 1));
    log.put(2, bytes_like(1000, 2));
  }
  const auto size = std::filesystem::file_size(folder / "log");
  for (const std::uintmax_t lost : {1, 500, 1010, 1031}) {
    std::filesystem::copy_file(folder / "log", folder / "cut");
    std::filesystem::resize_file(folder / "cut", size - lost);
    ChunkLog log(folder / "cut", 4);
    EXPECT_EQ(log.get(1), bytes_like(1000, 1));
    EXPECT_FALSE(log.has(2)) << lost;
    log.put(3, bytes_like(10, 3));
    const ChunkLog again(folder / "cut", 4);
    EXPECT_EQ(again.get(1), bytes_like(1000, 1));
    EXPECT_EQ(again.get(3), bytes_like(10, 3));
    std::filesystem::remove(folder / "cut");
  }
}

TEST(ChunkLog, DamagedRecordsAreNoWork) {
  const testing::TempFolder folder;
  ChunkLog(folder / "log", 4).put(1, bytes_like(1000, 1));
  std::fstream(folder / "log", std::ios::in | std::ios::out | std::ios::binary).seekp(500) << 'x';
  EXPECT_FALSE(ChunkLog(folder / "log", 4).has(1));
  std::ofstream(folder / "log") << "anything else that is longer than the head of a record";
  EXPECT_FALSE(ChunkLog(folder / "log", 4).has(1));
}

}  // namespace
}  // namespace retina::store
