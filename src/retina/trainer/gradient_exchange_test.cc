#include "retina/trainer/gradient_exchange.h"

#include <array>
#include <limits>

#include <gtest/gtest.h>

#include "retina/core/progress.h"
#include "retina/testing/temp_folder.h"
#include "retina/trainer/ranks_for_test.h"
#include "retina/trainer/toy_network.h"
#include "retina/trainer/train_loop.h"

namespace retina::trainer {
namespace {

constexpr std::int64_t kBatch = 8;

/// The whole batch of a step, or the part of it that starts at `first`.
TaskInputs images_of(std::int64_t step, std::int64_t first, std::int64_t count) {
  const at::Tensor ramp = at::arange(kBatch * 256, at::kFloat).view({kBatch, 1, 16, 16});
  const at::Tensor clean = at::sin(ramp * (0.1 + 0.01 * static_cast<double>(step)));
  return {.images_NCYX = (clean + 0.3 * at::cos(ramp)).narrow(0, first, count),
          .targets = clean.narrow(0, first, count)};
}

/// Twenty steps with this rank's share of each batch, in groups of 2.
void train(Ranks& ranks, const std::shared_ptr<ToyNetwork>& network, GhostStatistics statistics,
           const OptimizerOptions& options) {
  const testing::TempFolder folder;
  std::int64_t step = 0;
  RestorationTask task(network,
                       [&](const data::RawBatch&) {
                         const std::int64_t share = kBatch / ranks.count();
                         return images_of(step++, ranks.rank() * share, share);
                       },
                       {.ghost_batch = 2, .statistics = statistics});
  Optimizer optimizer(*network, options);
  GradientExchange exchange(ranks, *network, {.statistics = statistics, .bucket_bytes = 300});
  LoopHooks hooks;
  hooks.next_batch = [] { return data::RawBatch{.samples = std::vector<data::RawSample>(1)}; };
  hooks.elapsed_s = [] { return 0.0; };
  hooks.keep_model = [](const LoopState&) {};
  hooks.log = [](const LoopState&, const Json&) {};
  hooks.checkpoints = ranks.leads() ? folder.path() : std::filesystem::path();
  hooks.exchange = ranks.alone() ? nullptr : &exchange;
  TrainLoop loop(task, optimizer, nullptr, {.steps = 20, .learning_rate = 0.05}, hooks);
  loop.run(core::silent_context());
}

void expect_two_ranks_equal_one(GhostStatistics statistics, const OptimizerOptions& options) {
  Ranks alone({}, {});
  const auto one = make_toy_network_without_dropout(3);
  train(alone, one, statistics, options);
  const std::array two = {make_toy_network_without_dropout(3), make_toy_network_without_dropout(3)};
  run_ranks(2, [&](Ranks& ranks) {
    train(ranks, two[static_cast<std::size_t>(ranks.rank())], statistics, options);
  });
  EXPECT_FALSE(one->parameters()[0].equal(make_toy_network_without_dropout(3)->parameters()[0]));
  for (const auto& item : one->named_parameters()) {
    const at::Tensor first = two[0]->named_parameters()[item.key()];
    EXPECT_TRUE(first.allclose(item.value(), 0, 1e-5)) << item.key();
    EXPECT_TRUE(first.equal(two[1]->named_parameters()[item.key()])) << item.key();
  }
  for (const auto& item : one->named_buffers()) {
    const at::Tensor first = two[0]->named_buffers()[item.key()];
    EXPECT_TRUE(first.to(at::kFloat).allclose(item.value().to(at::kFloat), 0, 1e-5)) << item.key();
  }
}

TEST(GradientExchange, TwoRanksEqualOneProcessWithGhostGroups) {
  expect_two_ranks_equal_one(GhostStatistics::first, {});
}

TEST(GradientExchange, WithClippingFreezingAndAveragedStatisticsToo) {
  expect_two_ranks_equal_one(GhostStatistics::averaged,
                             {.clip_norm = 0.1, .freeze = {"encoder"}, .unfreeze_at = 10});
}

TEST(GradientExchange, SumsAreStartedWhileTheBackwardPassRuns) {
  const std::array networks = {make_toy_network_without_dropout(3),
                               make_toy_network_without_dropout(3)};
  run_ranks(2, [&](Ranks& ranks) {
    const auto& network = networks[static_cast<std::size_t>(ranks.rank())];
    GradientExchange exchange(ranks, *network, {.bucket_bytes = 300});  // two buckets
    std::size_t within = 0;
    // the first weights have the last gradient of the pass
    network->parameters()[0].register_hook(
        [&](const at::Tensor& /*gradient*/) { within = exchange.started(); });
    const TaskInputs batch = images_of(0, 0, 2);
    for (const bool has_buckets : {false, true}) {
      network->zero_grad();
      const at::Tensor loss = network->forward(batch.images_NCYX).square().mean();
      exchange.begin();
      loss.backward();
      EXPECT_EQ(within > 0, has_buckets) << "the first step finds out what has a gradient";
      EXPECT_EQ(exchange.started(), has_buckets ? 2U : 0U);
      exchange.finish({{"loss", loss.detach()}});
    }
  });
}

TEST(GradientExchange, AStepCanBeRepeatedUntilItsSumsAreStarted) {
  Ranks alone({}, {});
  const auto network = make_toy_network_without_dropout(3);
  GradientExchange exchange(alone, *network, {.bucket_bytes = 300});
  const TaskInputs batch = images_of(0, 0, 2);
  const auto backward = [&] {
    network->zero_grad();
    const at::Tensor loss = network->forward(batch.images_NCYX).square().mean();
    exchange.begin();
    loss.backward();
    return loss.detach();
  };
  const at::Tensor loss = backward();
  EXPECT_NO_THROW(exchange.restart()) << "there are no buckets yet";
  backward();
  exchange.finish({{"loss", loss}});
  EXPECT_NO_THROW(exchange.restart()) << "of the second step, before its backward pass";
  backward();
  EXPECT_GT(exchange.started(), 0U);
  EXPECT_THROW(exchange.restart(), Error);
}

TEST(GradientExchange, ALossThatIsNotANumberOnOneRankEndsAll) {
  const std::array networks = {make_toy_network_without_dropout(3),
                               make_toy_network_without_dropout(3)};
  run_ranks(2, [&](Ranks& ranks) {
    const auto& network = networks[static_cast<std::size_t>(ranks.rank())];
    GradientExchange exchange(ranks, *network, {});
    const TaskInputs batch = images_of(0, 0, 2);
    at::Tensor loss = network->forward(batch.images_NCYX).square().mean();
    loss = ranks.rank() == 1 ? loss * std::numeric_limits<double>::quiet_NaN() : loss;
    exchange.begin();
    loss.backward();
    const std::vector<Part> parts = exchange.finish({{"loss", loss.detach()}});
    EXPECT_TRUE(parts[0].value.isnan().item<bool>());
    EXPECT_TRUE(network->parameters()[0].grad().isnan().any().item<bool>());
  });
}

}  // namespace
}  // namespace retina::trainer
