#include "retina/trainer/batch_gradients.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/tensor/out_of_memory.h"
#include "retina/testing/heard.h"
#include "retina/trainer/optimizer.h"
#include "retina/trainer/restoration_task.h"
#include "retina/trainer/supervised_task.h"
#include "retina/trainer/toy_network.h"

namespace retina::trainer {
namespace {

/// A task on a device that has memory for `most` samples. The gradient of each weight of the
/// encoder is the mean of the images.
class MeanImageTask final : public Task {
 public:
  MeanImageTask(ToyNetwork& network, std::int64_t most) : network_(network), most_(most) {}
  torch::nn::Module& network() override { return network_; }
  TaskInputs prepare(const data::RawBatch& raw) override { return toy_transform(raw); }
  TaskOutput compute(const TaskInputs& inputs, double /*share*/) override {
    sizes.push_back(inputs.images_NCYX.size(0));
    TORCH_CHECK_WITH(OutOfMemoryError, sizes.back() <= most_, "out of memory");
    const at::Tensor loss = inputs.images_NCYX.mean() * network_.parameters()[0].sum();
    return {.loss = loss, .parts = {{"loss", loss.detach()}}};
  }

  std::vector<std::int64_t> sizes;  ///< of what was computed, or tried to be

 private:
  ToyNetwork& network_;
  std::int64_t most_;
};

/// A task on a device that has memory for `most` samples; it runs out when much is done already.
class NarrowTask final : public Task {
 public:
  NarrowTask(Task& inner, std::int64_t most) : inner_(inner), most_(most) {}
  torch::nn::Module& network() override { return inner_.network(); }
  TaskInputs prepare(const data::RawBatch& raw) override { return inner_.prepare(raw); }
  TaskOutput compute(const TaskInputs& inputs, double share) override {
    TaskOutput output = inner_.compute(inputs, share);
    TORCH_CHECK_WITH(OutOfMemoryError, inputs.images_NCYX.size(0) <= most_, "out of memory");
    return output;
  }

 private:
  Task& inner_;
  std::int64_t most_;
};

/// A task for which memory does not suffice in computation number `failing`, from 0; -1 = never.
class ScarceTask final : public Task {
 public:
  ScarceTask(Task& inner, std::int64_t failing) : inner_(inner), failing_(failing) {}
  torch::nn::Module& network() override { return inner_.network(); }
  TaskInputs prepare(const data::RawBatch& raw) override { return inner_.prepare(raw); }
  TaskOutput compute(const TaskInputs& inputs, double share) override {
    TORCH_CHECK_WITH(OutOfMemoryError, computations_++ != failing_, "out of memory");
    return inner_.compute(inputs, share);
  }
  std::string save_memory() override { return "less"; }

 private:
  Task& inner_;
  std::int64_t failing_;
  std::int64_t computations_ = 0;
};

data::RawBatch toy_samples(std::size_t count) {
  data::RawBatch raw;
  for (std::int64_t index = 0; raw.samples.size() < count; ++index) {
    for (data::RawSample& sample : toy_batch(index).samples) {
      raw.samples.push_back(std::move(sample));
    }
  }
  raw.samples.resize(count);
  return raw;
}

TEST(BatchGradients, OfABatchInUnevenPartsAreThoseOfTheWholeBatch) {
  const auto network = make_toy_network(1);
  MeanImageTask task(*network, 2);
  const testing::Heard heard;
  BatchGradients gradients(task, {}, heard.context);
  const data::RawBatch raw = toy_samples(5);
  const at::Tensor mean = toy_transform(raw).images_NCYX.mean();
  const at::Tensor weight = network->parameters()[0];
  const double loss = (mean * weight.sum()).item<double>();
  for (int step = 0; step < 2; ++step) {
    network->zero_grad();
    const std::vector<Part> parts = gradients.compute(raw);
    EXPECT_NEAR(parts[0].value.item<double>(), loss, 1e-5);
    EXPECT_TRUE(weight.grad().allclose(mean.expand_as(weight), 1e-5, 1e-6));
  }
  EXPECT_THAT(task.sizes, ::testing::ElementsAre(5, 2, 1, 2, 2, 1, 2))
      << "the whole batch is tried once, and the first part comes last";
  EXPECT_THAT(heard.text(), ::testing::HasSubstr("batch of 5: going on with 2 at a time"));
}

TEST(BatchGradients, WhereOneSampleDoesNotFitItIsAResourceError) {
  const auto network = make_toy_network(1);
  MeanImageTask task(*network, 0);
  BatchGradients gradients(task, {}, core::silent_context());
  try {
    gradients.compute(toy_samples(5));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
  }
  EXPECT_THAT(task.sizes, ::testing::ElementsAre(5, 2, 1));
}

TEST(BatchGradientsGpu, ABatchBeyondTheMemoryIsTakenInParts) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const auto bytes = at::TensorOptions().device(at::kCUDA).dtype(at::kByte);
  std::vector<at::Tensor> filling;  // of all memory but two blocks
  while (
      tensor::fits_memory([&] { filling.push_back(at::empty({std::int64_t{1} << 30}, bytes)); })) {
  }
  filling.resize(filling.size() - 2);
  const auto network = make_toy_network(7);
  network->to(at::Device(at::kCUDA, 0));
  SupervisedTask task(network,
                      [](const data::RawBatch& raw) {
                        const auto count = static_cast<std::int64_t>(raw.samples.size());
                        const auto on_device = at::TensorOptions().device(at::kCUDA);
                        return TaskInputs{
                            .images_NCYX = at::randn({count, 1, 1024, 1024}, on_device),
                            .targets = at::zeros({count, 1024, 1024}, on_device.dtype(at::kLong))};
                      },
                      {});
  const testing::Heard heard;
  BatchGradients gradients(task, {}, heard.context);
  const data::RawBatch raw{std::vector<data::RawSample>(32)};
  for (int step = 0; step < 2; ++step) {
    network->zero_grad();
    gradients.compute(raw);
    for (const at::Tensor& weight : network->parameters()) {
      EXPECT_TRUE(weight.grad().isfinite().all().item<bool>());
    }
  }
  EXPECT_THAT(heard.text(), ::testing::HasSubstr("batch of 32: going on with 16"));
}

TEST(BatchGradients, WhereNothingOfTheLossIsTrainedItIsTheUsersMistake) {
  const auto network = make_toy_network(1);
  MeanImageTask task(*network, 5);
  const Optimizer optimizer(*network, {.freeze = {"encoder"}});
  BatchGradients gradients(task, {}, core::silent_context());
  try {
    gradients.compute(toy_samples(5));
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("optimizer.freeze: nothing that the loss"));
  }
}

/// The network after three steps with gradients shared among ranks, of which this is the only one.
std::shared_ptr<ToyNetwork> trained_with_exchange(std::int64_t failing) {
  const auto network = make_toy_network(7);
  SupervisedTask task(network, toy_transform, {});
  ScarceTask scarce(task, failing);
  Optimizer optimizer(*network, {.kind = OptimizerKind::adamw});
  Ranks alone({}, {});
  GradientExchange exchange(alone, *network, {});
  const testing::Heard heard;
  BatchGradients gradients(scarce, {.exchange = &exchange}, heard.context);
  for (int step = 0; step < 3; ++step) {
    at::manual_seed(static_cast<std::uint64_t>(step));  // of dropout
    gradients.compute(toy_batch(step));
    optimizer.step(0.01);
  }
  EXPECT_EQ(heard.text().find("going on with less") != std::string::npos, failing >= 0)
      << heard.text();
  return network;
}

TEST(BatchGradients, AStepThatFailsBeforeItsGradientsAreSharedIsRepeated) {
  EXPECT_TRUE(same_state(*trained_with_exchange(-1), *trained_with_exchange(1)));
}

/// The network with the gradients of restoration on four samples in groups of one, where memory
/// suffices for `most` of them.
std::shared_ptr<ToyNetwork> restored_in_parts(std::int64_t most, GhostStatistics statistics) {
  const auto network = make_toy_network_without_dropout(7);
  RestorationTask task(network,
                       [](const data::RawBatch& raw) {
                         const at::Tensor images_NCYX = toy_transform(raw).images_NCYX;
                         return TaskInputs{.images_NCYX = images_NCYX,
                                           .targets = 0.5 * images_NCYX + 1};
                       },
                       {.ghost_batch = 1, .statistics = statistics});
  NarrowTask narrow(task, most);
  BatchGradients gradients(narrow, {.statistics = statistics}, core::silent_context());
  gradients.compute(toy_samples(4));
  return network;
}

TEST(BatchGradients, GhostGroupsOfABatchInPartsCountByTheirShareOfTheWholeBatch) {
  const auto whole = restored_in_parts(4, GhostStatistics::first)->parameters();
  const auto halves = restored_in_parts(2, GhostStatistics::first)->parameters();
  ASSERT_EQ(whole.size(), halves.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    EXPECT_TRUE(whole[i].grad().allclose(halves[i].grad(), 1e-5, 1e-6)) << "tensor " << i;
  }
}

/// Neither the attempt that did not fit nor the later parts update them.
TEST(BatchGradients, RunningStatisticsOfABatchInPartsAreThoseOfTheWholeBatch) {
  for (const GhostStatistics kind : {GhostStatistics::first, GhostStatistics::averaged}) {
    const auto whole = restored_in_parts(4, kind);
    for (const std::int64_t most : {1, 2}) {
      const auto parts = restored_in_parts(most, kind);
      for (const auto& item : whole->named_buffers()) {
        const at::Tensor found = parts->named_buffers()[item.key()];
        EXPECT_TRUE(found.to(at::kFloat).allclose(item.value().to(at::kFloat), 1e-5, 1e-6))
            << item.key() << ", " << core::enum_name(kind) << ", at most " << most;
      }
    }
  }
}

}  // namespace
}  // namespace retina::trainer
