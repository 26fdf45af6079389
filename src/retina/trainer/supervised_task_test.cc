#include "retina/trainer/supervised_task.h"

#include <cstddef>

#include <gtest/gtest.h>

#include "retina/data/dataset.h"
#include "retina/tensor/device.h"
#include "retina/tensor/upload.h"
#include "retina/trainer/ghost_for_test.h"
#include "retina/trainer/optimizer.h"
#include "retina/trainer/toy_network.h"

namespace retina::trainer {
namespace {

std::vector<at::Tensor> gradients_of(const data::RawBatch& raw, int channels) {
  const auto network = make_toy_network(5, channels);
  network->eval();  // one pixel must not reach others through batch statistics
  SupervisedTask task(network, toy_transform, {});
  task.step(raw, 1).loss.backward();
  std::vector<at::Tensor> gradients;
  for (const at::Tensor& p : network->parameters()) {
    gradients.push_back(p.grad());
  }
  return gradients;
}

TEST(SupervisedTask, IgnoredPixelsContributeNothing) {
  for (const int channels : {1, 3}) {
    data::RawBatch raw = toy_batch(0);
    raw.samples.resize(1);
    raw.samples[0].labels_YX.slice(0, 0, 8).fill_(data::kIgnore);
    data::RawBatch other = toy_batch(0);
    other.samples.resize(1);
    other.samples[0].labels_YX.slice(0, 0, 8).fill_(data::kIgnore);
    // The two convolutions see 2 pixels around each; rows 0 to 4 reach no labelled pixel.
    other.samples[0].image_YX = raw.samples[0].image_YX.clone();
    other.samples[0].image_YX.slice(0, 0, 5).fill_(255);

    const auto a = gradients_of(raw, channels);
    const auto b = gradients_of(other, channels);

    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_TRUE(a[i].allclose(b[i], 1e-5, 1e-7)) << channels << " channels, tensor " << i;
    }
  }
}

TEST(SupervisedTaskGpu, TrainsAsOnTheCpu) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const auto weights_on = [](const at::Device& device) {
    tensor::use_precision(tensor::Precision::fp32, device);
    const auto network = make_toy_network_without_dropout(3);
    network->to(device);
    SupervisedTask task(network,
                        [&](const data::RawBatch& raw) {
                          const TaskInputs batch = toy_transform(raw);
                          return TaskInputs{
                              .images_NCYX = tensor::upload(batch.images_NCYX, device),
                              .targets = tensor::upload(batch.targets, device)};
                        },
                        {});
    Optimizer optimizer(*network, {.kind = OptimizerKind::sgd});
    for (std::int64_t k = 0; k < 5; ++k) {
      task.step(toy_batch(k), 1).loss.backward();
      optimizer.step(0.02);
    }
    network->to(at::kCPU);
    return network;
  };
  const auto cpu = weights_on(at::Device(at::kCPU));
  const auto gpu = weights_on(at::Device(at::kCUDA, 0));
  for (std::size_t i = 0; i < cpu->parameters().size(); ++i) {
    EXPECT_TRUE(gpu->parameters()[i].allclose(cpu->parameters()[i], 1e-4, 1e-5)) << i;
  }
}

TEST(SupervisedTask, LossDecreasesOnAToy) {
  const auto network = make_toy_network(3);
  SupervisedTask task(network, toy_transform, {});
  Optimizer optimizer(*network, {.kind = OptimizerKind::adamw});
  double first = 0;
  double last = 0;
  for (std::int64_t k = 0; k < 60; ++k) {
    const TaskOutput output = task.step(toy_batch(k % 4), 1);
    output.loss.backward();
    optimizer.step(0.02);
    last = output.loss.item<double>();
    first = k == 0 ? last : first;
  }
  EXPECT_LT(last, 0.5 * first);
}

/// Also of losses that see a whole batch at once, as Dice does.
TEST(SupervisedTask, GhostGroupsAreProcessesThatAverageTheirGradients) {
  std::vector<std::shared_ptr<ToyNetwork>> ranks;
  data::RawBatch whole;
  double loss = 0;
  for (std::int64_t rank = 0; rank < 3; ++rank) {
    const data::RawBatch share = toy_batch(rank);
    whole.samples.insert(whole.samples.end(), share.samples.begin(), share.samples.end());
    ranks.push_back(make_toy_network_without_dropout(3));
    SupervisedTask task(ranks.back(), toy_transform, {});
    const TaskOutput output = task.step(share, 1);
    output.loss.backward();
    loss += output.loss.item<double>() / 3;
  }
  const auto ghost = make_toy_network_without_dropout(3);
  SupervisedTask task(ghost, toy_transform, {.ghost_batch = 2});
  const TaskOutput output = task.step(whole, 1);
  output.loss.backward();

  EXPECT_NEAR(output.parts.front().value.item<double>(), loss, 1e-6);
  expect_mean_of_ranks(*ghost, ranks);
}

TEST(SupervisedTask, ASmallerLastGroupCountsByItsShare) {
  data::RawBatch five;
  for (std::int64_t index = 0; index < 3; ++index) {
    const data::RawBatch two = toy_batch(index);
    five.samples.insert(five.samples.end(), two.samples.begin(), two.samples.end());
  }
  five.samples.resize(5);
  const auto ghost = make_toy_network_without_dropout(3);
  SupervisedTask task(ghost, toy_transform, {.ghost_batch = 4});
  const TaskOutput output = task.step(five, 1);
  output.loss.backward();
  std::vector<std::shared_ptr<ToyNetwork>> alone;
  const auto loss_of = [&](std::ptrdiff_t first, std::ptrdiff_t count) {
    alone.push_back(make_toy_network_without_dropout(3));
    SupervisedTask one(alone.back(), toy_transform, {});
    const auto begin = five.samples.begin() + first;
    const TaskOutput group = one.step(data::RawBatch{{begin, begin + count}}, 1);
    group.loss.backward();
    return group.loss.item<double>();
  };
  const double four = loss_of(0, 4);
  const double last = loss_of(4, 1);
  EXPECT_NEAR(output.parts.front().value.item<double>(), 0.8 * four + 0.2 * last, 1e-6);
  expect_mean_of_ranks(*ghost, alone, {0.8, 0.2});
}

TEST(SupervisedTask, ReportsItsParts) {
  SupervisedTask task(make_toy_network(3, 3), toy_transform, {});
  const TaskOutput output = task.step(toy_batch(0), 1);
  ASSERT_EQ(output.parts.size(), 4U);
  EXPECT_EQ(output.parts[3].name, "iou");
  EXPECT_EQ(output.parts[3].value.numel(), 3);
}

}  // namespace
}  // namespace retina::trainer
