#include "retina/trainer/ranks.h"

#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/trainer/ranks_for_test.h"

namespace retina::trainer {
namespace {

TEST(Ranks, OneProcessAloneNeedsNobody) {
  Ranks ranks({}, {});
  EXPECT_TRUE(ranks.alone());
  EXPECT_TRUE(ranks.leads());
  EXPECT_EQ(ranks.sum({2, 3}), (std::vector<double>{2, 3}));
  EXPECT_EQ(ranks.gather("text"), std::vector<std::string>{"text"});
  const at::Tensor tensor = at::ones({2});
  ranks.start_sum(tensor)();
  ranks.broadcast({tensor});
  EXPECT_TRUE(tensor.equal(at::ones({2})));
}

TEST(Ranks, AddUpBroadcastAndGather) {
  run_ranks(3, [](Ranks& ranks) {
    const auto rank = static_cast<double>(ranks.rank());
    EXPECT_EQ(ranks.count(), 3);
    EXPECT_EQ(ranks.local_rank(), ranks.rank());
    EXPECT_EQ(ranks.leads(), ranks.rank() == 0);
    EXPECT_EQ(ranks.sum({rank, 0.1}), (std::vector<double>{3, 0.1 + 0.1 + 0.1}));
    const at::Tensor image =
        at::full({2, 3, 4, 4}, rank).contiguous(at::MemoryFormat::ChannelsLast);
    const at::Tensor counter = at::full({}, ranks.rank() + 7, at::kLong);
    ranks.broadcast({image, counter});
    EXPECT_EQ(image.sum().item<double>(), 0);
    EXPECT_EQ(counter.item<std::int64_t>(), 7);
    EXPECT_EQ(ranks.gather(std::string(static_cast<std::size_t>(ranks.rank()), 'x')),
              (std::vector<std::string>{"", "x", "xx"}));
  });
}

TEST(Ranks, ARankThatFailsIsNamedToTheOthers) {
  const std::uint16_t port = testing::free_port();
  const auto place = [&](std::int64_t rank) {
    return RankPlace{.rank = rank, .ranks = 2, .address = "127.0.0.1", .port = port};
  };
  constexpr HeartbeatTimes kPatient{.beat_s = 0.1, .silent_s = 5, .suspected_s = 2};
  std::atomic<int> told = 0;
  std::jthread failing([&] {
    const Ranks ranks(
        place(1), [](const std::string&) {}, kPatient);
  });
  Ranks ranks(
      place(0),
      [&](const std::string& message) {
        ++told;
        EXPECT_THAT(message, ::testing::StartsWith("rank 1 ("));
      },
      kPatient);
  try {
    ranks.sum({1});
    FAIL() << "rank 1 did not answer";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("rank 1 ("));
  }
  EXPECT_EQ(told, 1);
}

}  // namespace
}  // namespace retina::trainer
