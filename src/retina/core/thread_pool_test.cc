#include "retina/core/thread_pool.h"

#include <atomic>
#include <stdexcept>

#include <gtest/gtest.h>

namespace retina::core {
namespace {

TEST(ThreadPool, ParallelForVisitsEachIndexOnce) {
  ThreadPool pool(3);
  std::vector<std::atomic<int>> visits(1000);
  pool.parallel_for(1000, [&](std::int64_t i) { ++visits[static_cast<std::size_t>(i)]; });
  for (const auto& count : visits) {
    EXPECT_EQ(count.load(), 1);
  }
}

TEST(ThreadPool, ErrorsReachTheCaller) {
  ThreadPool pool(2);
  EXPECT_THROW(pool.parallel_for(10,
                                 [](std::int64_t i) {
                                   if (i == 4) {
                                     throw std::runtime_error("four");
                                   }
                                 }),
               std::runtime_error);
  EXPECT_THROW(pool.submit([]() -> int { throw std::runtime_error("x"); }).get(),
               std::runtime_error);
}

TEST(ThreadPool, DestructionFinishesWhatWasSubmitted) {
  std::atomic<int> done{0};
  {
    ThreadPool pool(2);
    for (int i = 0; i < 50; ++i) {
      pool.submit([&done] { ++done; });
    }
  }
  EXPECT_EQ(done.load(), 50);
}

TEST(ThreadPool, WithoutThreadsTheCallerWorks) {
  ThreadPool pool(0);
  const auto caller = std::this_thread::get_id();
  EXPECT_EQ(pool.submit([] { return std::this_thread::get_id(); }).get(), caller);
  int visits = 0;
  pool.parallel_for(5, [&](std::int64_t) { visits += std::this_thread::get_id() == caller; });
  EXPECT_EQ(visits, 5);
  EXPECT_THROW(pool.submit([]() -> int { throw std::runtime_error("x"); }).get(),
               std::runtime_error);
}

TEST(BoundedQueue, HandsItemsOverInOrderAndEndsWhenClosed) {
  BoundedQueue<int> queue(2);
  std::thread producer([&] {
    for (int i = 0; i < 100; ++i) {
      queue.push(i);
    }
    queue.close();
  });
  int expected = 0;
  while (const auto item = queue.pop()) {
    EXPECT_EQ(*item, expected++);
  }
  EXPECT_EQ(expected, 100);
  producer.join();
}

TEST(BoundedQueue, PushAfterCloseIsRefused) {
  BoundedQueue<int> queue(1);
  queue.close();
  EXPECT_FALSE(queue.push(1));
}

}  // namespace
}  // namespace retina::core
