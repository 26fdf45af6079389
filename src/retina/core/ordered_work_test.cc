#include "retina/core/ordered_work.h"

#include <atomic>
#include <numeric>
#include <stop_token>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::core {
namespace {

TEST(OrderedWork, CommitsInOrderWhateverThePreparationTakes) {
  for (const int threads : {1, 2, 5}) {
    std::vector<std::int64_t> seen;
    run_work(
        40, {.threads = threads, .order = CommitOrder::ascending},
        [](std::int64_t i) {
          std::this_thread::sleep_for(std::chrono::microseconds((i * 37) % 11 * 100));
          return i * i;
        },
        [&](std::int64_t i, std::int64_t square) {
          EXPECT_EQ(square, i * i);
          seen.push_back(i);
        },
        silent_context());
    std::vector<std::int64_t> expected(40);
    std::iota(expected.begin(), expected.end(), 0);
    EXPECT_EQ(seen, expected);
  }
}

TEST(OrderedWork, HoldsNoMoreItemsThanThreads) {
  std::atomic<int> held{0};
  std::atomic<int> most{0};
  run_work(
      100, {.threads = 3},
      [&](std::int64_t) {
        const int now = ++held;
        most = std::max(most.load(), now);
        std::this_thread::sleep_for(std::chrono::microseconds(100));
        return 0;
      },
      [&](std::int64_t, int) { --held; }, silent_context());
  EXPECT_LE(most, 3);
  EXPECT_EQ(held, 0);
}

TEST(OrderedWork, AnErrorEndsAllThreadsAndIsThrown) {
  for (const CommitOrder order : {CommitOrder::any, CommitOrder::ascending}) {
    std::atomic<std::int64_t> committed{0};
    EXPECT_THROW(run_work(
                     1000, {.threads = 4, .order = order},
                     [](std::int64_t i) {
                       if (i == 20) {
                         throw Error(ErrorKind::bad_data, "item 20");
                       }
                       return i;
                     },
                     [&](std::int64_t, std::int64_t) { ++committed; }, silent_context()),
                 Error);
    EXPECT_LT(committed, 1000);
  }
}

TEST(OrderedWork, AStopRequestInterrupts) {
  std::stop_source stop;
  Context ctx = silent_context();
  ctx.stop = stop.get_token();
  std::int64_t done = 0;
  try {
    run_work(
        10, {.threads = 1, .order = CommitOrder::any, .resume_hint = "run it again"},
        [](std::int64_t i) { return i; },
        [&](std::int64_t, std::int64_t) {
          if (++done == 3) {
            stop.request_stop();
          }
        },
        ctx);
    FAIL() << "not interrupted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::interrupted);
  }
  EXPECT_EQ(done, 3);
}

TEST(OrderedWork, NothingToDoIsDone) {
  run_work(
      0, {.threads = 4}, [](std::int64_t i) { return i; },
      [](std::int64_t, std::int64_t) { FAIL(); }, silent_context());
}

}  // namespace
}  // namespace retina::core
