#include "retina/data/plane_cache.h"

#include <thread>

#include <gtest/gtest.h>

#include "retina/data/memory_dataset.h"

namespace retina::data {
namespace {

TEST(PlaneCache, PlaneIsReadOnce) {
  const auto dataset = memory_dataset(2, 8);
  PlaneCache cache(dataset, 1 << 20);
  const auto first = cache.get(dataset->slices[1]);
  EXPECT_EQ(first, cache.get(dataset->slices[1]));
  EXPECT_EQ(cache.reads(), 1);
  EXPECT_EQ(first->plane.image.values<std::uint8_t>()[0], 1);
  EXPECT_EQ(first->foreground.pixels(), 32);
}

TEST(PlaneCache, LeastRecentlyUsedPlanesGoFirst) {
  const auto dataset = memory_dataset(3, 8);
  const std::int64_t plane = PlaneCache(dataset, 1 << 20).get(dataset->slices[0])->bytes();
  PlaneCache cache(dataset, 2 * plane);
  cache.get(dataset->slices[0]);
  cache.get(dataset->slices[1]);
  cache.get(dataset->slices[0]);
  cache.get(dataset->slices[2]);  // plane 1 goes
  EXPECT_LE(cache.bytes(), 2 * plane);
  cache.get(dataset->slices[0]);
  EXPECT_EQ(cache.reads(), 3);
  cache.get(dataset->slices[1]);
  EXPECT_EQ(cache.reads(), 4);
}

TEST(PlaneCache, ConcurrentUsersShareOneReading) {
  const auto dataset = memory_dataset(4, 64);
  PlaneCache cache(dataset, 1 << 24);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) {
        cache.get(dataset->slices[static_cast<std::size_t>(i % 4)]);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(cache.reads(), 4);
}

TEST(PlaneCache, FailedReadingIsNotKept) {
  const auto dataset = memory_dataset(1, 8);
  PlaneCache cache(dataset, 1 << 20);
  const Slice outside{.volume = 0, .axis = 0, .index = 5};
  EXPECT_THROW(cache.get(outside), Error);
  EXPECT_THROW(cache.get(outside), Error);
  EXPECT_EQ(cache.bytes(), 0);
}

}  // namespace
}  // namespace retina::data
