#include "retina/trainer/restoration_task.h"

#include <gtest/gtest.h>

#include "retina/core/file.h"
#include "retina/net/weights.h"
#include "retina/testing/fixtures.h"
#include "retina/trainer/ghost_for_test.h"
#include "retina/trainer/optimizer.h"
#include "retina/trainer/sgd_fixture_for_test.h"
#include "retina/trainer/toy_network.h"

namespace retina::trainer {
namespace {

/// `count` noisy images and what they were made of.
TaskInputs toy_restoration(std::int64_t count) {
  at::manual_seed(11);
  const at::Tensor clean = at::randn({count, 1, 16, 16});
  return {.images_NCYX = clean + 0.5 * at::randn({count, 1, 16, 16}), .targets = clean};
}

/// One step of a task over `batch`, gradients in the network.
TaskOutput run_step(const std::shared_ptr<ToyNetwork>& network, const TaskInputs& batch,
                    RestorationOptions options) {
  RestorationTask task(
      network, [&](const data::RawBatch&) { return batch; }, options);
  TaskOutput output = task.step({}, 1);
  output.loss.backward();
  return output;
}

TEST(RestorationTask, GhostGroupsAreProcessesThatAverageTheirGradients) {
  const TaskInputs batch = toy_restoration(6);
  const auto ghost = make_toy_network_without_dropout(3);
  const TaskOutput output = run_step(ghost, batch, {.ghost_batch = 2});

  std::vector<std::shared_ptr<ToyNetwork>> ranks;
  double loss = 0;
  for (std::int64_t rank = 0; rank < 3; ++rank) {
    ranks.push_back(make_toy_network_without_dropout(3));
    const TaskInputs share{.images_NCYX = batch.images_NCYX.narrow(0, 2 * rank, 2),
                           .targets = batch.targets.narrow(0, 2 * rank, 2)};
    loss += run_step(ranks.back(), share, {.ghost_batch = 0}).loss.item<double>() / 3;
  }

  EXPECT_NEAR(output.parts.front().value.item<double>(), loss, 1e-6);
  expect_mean_of_ranks(*ghost, ranks);
}

TEST(RestorationTask, RunningStatisticsCanBeTheMeanOfTheGroups) {
  const TaskInputs batch = toy_restoration(4);
  const auto ghost = make_toy_network_without_dropout(3);
  run_step(ghost, batch, {.ghost_batch = 2, .statistics = GhostStatistics::averaged});
  const auto first = make_toy_network_without_dropout(3);
  const auto second = make_toy_network_without_dropout(3);
  run_step(first, {batch.images_NCYX.narrow(0, 0, 2), batch.targets.narrow(0, 0, 2)}, {});
  run_step(second, {batch.images_NCYX.narrow(0, 2, 2), batch.targets.narrow(0, 2, 2)}, {});
  const auto of = [](const std::shared_ptr<ToyNetwork>& network, const char* name) {
    return network->named_buffers()[name];
  };
  for (const char* name : {"norm.running_mean", "norm.running_var"}) {
    EXPECT_TRUE(of(ghost, name).allclose((of(first, name) + of(second, name)) / 2, 1e-6, 1e-7));
  }
  EXPECT_EQ(of(ghost, "norm.num_batches_tracked").item<std::int64_t>(), 1);
}

TEST(RestorationTask, ASmallerLastGroupCountsByItsShare) {
  const TaskInputs batch = toy_restoration(5);
  const auto ghost = make_toy_network_without_dropout(3);
  const TaskOutput output = run_step(ghost, batch, {.ghost_batch = 4});
  const std::vector<std::shared_ptr<ToyNetwork>> alone = {make_toy_network_without_dropout(3),
                                                          make_toy_network_without_dropout(3)};
  const auto loss_of = [&](std::size_t network, std::int64_t first, std::int64_t count) {
    const TaskInputs group{.images_NCYX = batch.images_NCYX.narrow(0, first, count),
                           .targets = batch.targets.narrow(0, first, count)};
    return run_step(alone[network], group, {.ghost_batch = 0}).loss.item<double>();
  };
  const double four = loss_of(0, 0, 4);
  const double last = loss_of(1, 4, 1);
  EXPECT_NEAR(output.parts.front().value.item<double>(), 0.8 * four + 0.2 * last, 1e-6);
  expect_mean_of_ranks(*ghost, alone, {0.8, 0.2});
  EXPECT_NEAR(output.parts[3].value.item<double>(), 0.25, 0.05);  // noise of deviation 0.5
}

TEST(RestorationTask, GroupsOfWhichNothingIsTrainedAreAMistakeOfTheUser) {
  const auto network = make_toy_network_without_dropout(3);
  for (const at::Tensor& parameter : network->parameters()) {
    parameter.requires_grad_(false);
  }
  EXPECT_THROW(run_step(network, toy_restoration(4), {.ghost_batch = 2}), Error);
}

/// Three published steps of pre-training on the fixture's batch (parity README section 1).
TEST(RestorationTaskParity, transunet_pretrain_small) {
  const auto folder = testing::parity_root() / "retina" / "transunet_pretrain_small";
  RETINA_SKIP_WITHOUT(folder);
  const SgdFixture fixture(folder);
  const auto head = [&] {
    return fixture.network->named_parameters()["segmentation_head.0.weight"];
  };
  const at::Tensor head_before = head().clone();
  RestorationTask task(fixture.network,
                       [&](const data::RawBatch&) {
                         return TaskInputs{.images_NCYX = fixture.input.at("image"),
                                           .targets = fixture.input.at("target")};
                       },
                       {});
  EXPECT_GE(fixture.expect_steps(task), 1);
  // no gradient, so neither moved nor decayed
  EXPECT_TRUE(head().equal(head_before));
}

}  // namespace
}  // namespace retina::trainer
