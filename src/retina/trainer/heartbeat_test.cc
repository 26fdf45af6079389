#include "retina/trainer/heartbeat.h"

#include <future>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/csrc/distributed/c10d/HashStore.hpp>

#include "retina/core/clock.h"

namespace retina::trainer {
namespace {

constexpr HeartbeatTimes kQuick{.beat_s = 0.05, .silent_s = 0.8, .suspected_s = 0.3};

/// Two ranks that share a store; rank 0 watches.
struct Watched {
  Watched() {
    Heartbeat::announce(*store, 0);
    Heartbeat::announce(*store, 1);
  }
  std::unique_ptr<Heartbeat> beat(std::int64_t rank) {
    return std::make_unique<Heartbeat>(store, rank, std::vector<std::string>{"rank 0", "rank 1"},
                                       kQuick, [this, rank](const std::string& message) {
                                         if (rank == 0) {
                                           told.set_value(message);
                                         }
                                       });
  }
  bool hears_within(double seconds) {
    return heard.wait_for(std::chrono::duration<double>(seconds)) == std::future_status::ready;
  }

  c10::intrusive_ptr<c10d::Store> store = c10::make_intrusive<c10d::HashStore>();
  std::promise<std::string> told;
  std::future<std::string> heard = told.get_future();
};

TEST(Heartbeat, RanksThatLiveOrAreDoneAreNotMissed) {
  Watched watched;
  const auto mine = watched.beat(0);
  auto other = watched.beat(1);
  EXPECT_FALSE(watched.hears_within(1.2));
  other.reset();
  Heartbeat::say_done(*watched.store, 1);
  EXPECT_TRUE(Heartbeat::is_done(*watched.store, 1));
  EXPECT_FALSE(watched.hears_within(1.2));
}

TEST(Heartbeat, ASilentRankIsNamed) {
  Watched watched;
  const auto mine = watched.beat(0);
  watched.beat(1).reset();
  ASSERT_TRUE(watched.hears_within(5));
  EXPECT_THAT(watched.heard.get(), ::testing::HasSubstr("rank 1 is lost"));
}

TEST(Heartbeat, AFailedRankIsNamed) {
  Watched watched;
  const auto mine = watched.beat(0);
  Heartbeat::say_failed(*watched.store, 1);
  ASSERT_TRUE(watched.hears_within(5));
  EXPECT_THAT(watched.heard.get(), ::testing::HasSubstr("rank 1 has ended with an error"));
}

TEST(Heartbeat, WhoIsToBlameForBrokenCommunicationIsFoundSooner) {
  Watched watched;
  const auto mine = watched.beat(0);
  EXPECT_THAT(mine->blame(), ::testing::HasSubstr("rank 1 is lost"));
  EXPECT_TRUE(watched.hears_within(0));
}

}  // namespace
}  // namespace retina::trainer
