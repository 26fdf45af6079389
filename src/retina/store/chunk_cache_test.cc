#include "retina/store/chunk_cache.h"

#include <atomic>
#include <future>
#include <stdexcept>
#include <vector>

#include <gtest/gtest.h>

namespace retina::store {
namespace {

core::Array bytes_of(std::int64_t count) {
  return {core::DType::u8, 1, {1, 1, count}};
}

TEST(ChunkCache, DecodesAChunkOnce) {
  ChunkCache cache(1000);
  int loads = 0;
  const auto load = [&] {
    ++loads;
    return bytes_of(10);
  };
  cache.get({1, 5}, load);
  cache.get({1, 5}, load);
  EXPECT_EQ(loads, 1);
  cache.get({2, 5}, load);
  EXPECT_EQ(loads, 2);
}

TEST(ChunkCache, DropsTheLeastRecentlyUsedBeyondTheBudget) {
  ChunkCache cache(25);
  int loads = 0;
  const auto load = [&] {
    ++loads;
    return bytes_of(10);
  };
  cache.get({1, 0}, load);
  cache.get({1, 1}, load);
  cache.get({1, 0}, load);
  cache.get({1, 2}, load);
  EXPECT_LE(cache.bytes(), 25);
  EXPECT_EQ(loads, 3);
  cache.get({1, 0}, load);
  EXPECT_EQ(loads, 3);
  cache.get({1, 1}, load);
  EXPECT_EQ(loads, 4);
}

TEST(ChunkCache, KeepsNothingOfAnOwnerThatWasDropped) {
  ChunkCache cache(1000);
  cache.get({1, 0}, [] { return bytes_of(10); });
  cache.get({2, 0}, [] { return bytes_of(20); });
  cache.drop(1);
  EXPECT_EQ(cache.bytes(), 20);
}

TEST(ChunkCache, ForgetsFailedLoads) {
  ChunkCache cache(1000);
  EXPECT_THROW(cache.get({1, 0}, []() -> core::Array { throw std::runtime_error("bad"); }),
               std::runtime_error);
  EXPECT_EQ(cache.get({1, 0}, [] { return bytes_of(10); })->elements(), 10);
}

TEST(ChunkCache, OneOfSeveralThreadsDecodes) {
  ChunkCache cache(1 << 20);
  std::atomic<int> loads = 0;
  std::vector<std::future<void>> threads;
  for (int t = 0; t < 4; ++t) {
    threads.push_back(std::async(std::launch::async, [&] {
      for (int i = 0; i < 50; ++i) {
        cache.get({1, i}, [&] {
          ++loads;
          return bytes_of(10);
        });
      }
    }));
  }
  for (auto& thread : threads) {
    thread.get();
  }
  EXPECT_EQ(loads, 50);
}

}  // namespace
}  // namespace retina::store
