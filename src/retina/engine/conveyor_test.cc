#include "retina/engine/conveyor.h"

#include <atomic>
#include <chrono>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::engine {
namespace {

void pause_ms(int milliseconds) {
  std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
}

TEST(Conveyor, WritesEveryItemInOrder) {
  std::vector<std::string> written;
  run_conveyor(
      5, [](std::int64_t i) { return i * 10; },
      [](std::int64_t, std::int64_t in) { return std::to_string(in); },
      [&](std::int64_t, std::string out) { written.push_back(std::move(out)); },
      core::silent_context(), "");
  EXPECT_EQ(written, (std::vector<std::string>{"0", "10", "20", "30", "40"}));
}

TEST(Conveyor, ReadsAndWritesWhileComputing) {
  const ConveyorTime time = run_conveyor(
      8,
      [](std::int64_t i) {
        pause_ms(10);
        return i;
      },
      [](std::int64_t, std::int64_t in) {
        pause_ms(20);
        return in;
      },
      [](std::int64_t, std::int64_t) { pause_ms(10); }, core::silent_context(), "");
  EXPECT_LT(time.seconds, 8 * 0.040);
  EXPECT_GT(time.device_busy(), 0.6);
}

TEST(Conveyor, ReportsASlowReaderAsWaiting) {
  const ConveyorTime time = run_conveyor(
      4,
      [](std::int64_t i) {
        pause_ms(20);
        return i;
      },
      [](std::int64_t, std::int64_t in) { return in; }, [](std::int64_t, std::int64_t) {},
      core::silent_context(), "");
  EXPECT_LT(time.device_busy(), 0.3);
}

class ConveyorFails : public ::testing::TestWithParam<int> {};

TEST_P(ConveyorFails, TheErrorOfAnyStageArrives) {
  const auto fail_in = [](int stage) {
    if (GetParam() == stage) {
      throw Error(ErrorKind::bad_data, "stage " + std::to_string(stage));
    }
  };
  const auto run = [&] {
    run_conveyor(
        100,
        [&](std::int64_t i) {
          if (i == 3) {
            fail_in(0);
          }
          return i;
        },
        [&](std::int64_t i, std::int64_t in) {
          if (i == 3) {
            fail_in(1);
          }
          return in;
        },
        [&](std::int64_t i, std::int64_t) {
          if (i == 3) {
            fail_in(2);
          }
        },
        core::silent_context(), "");
  };
  try {
    run();
    FAIL() << "no error arrived";
  } catch (const Error& error) {
    EXPECT_EQ(error.what(), "stage " + std::to_string(GetParam()));
  }
}

INSTANTIATE_TEST_SUITE_P(Stages, ConveyorFails, ::testing::Values(0, 1, 2));

TEST(Conveyor, StopsOnRequestAfterWritingWhatIsComputed) {
  std::stop_source source;
  core::Context ctx = core::silent_context();
  ctx.stop = source.get_token();
  std::atomic<int> written = 0;
  const auto run = [&] {
    run_conveyor(
        100, [](std::int64_t i) { return i; },
        [&](std::int64_t i, std::int64_t in) {
          if (i == 4) {
            source.request_stop();
          }
          return in;
        },
        [&](std::int64_t, std::int64_t) { ++written; }, ctx, "run again");
  };
  EXPECT_THROW(run(), Error);
  EXPECT_EQ(written, 5);
}

}  // namespace
}  // namespace retina::engine
