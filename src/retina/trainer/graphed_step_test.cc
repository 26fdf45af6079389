#include "retina/trainer/graphed_step.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/tensor/device.h"
#include "retina/tensor/upload.h"
#include "retina/trainer/optimizer.h"
#include "retina/trainer/supervised_task.h"
#include "retina/trainer/toy_network.h"

namespace retina::trainer {
namespace {

/// A toy network, with dropout, in training on a device.
struct ToyTraining {
  explicit ToyTraining(const at::Device& device)
      : network(make_toy_network(3)),
        task(network,
             [device](const data::RawBatch& raw) {
               const TaskInputs batch = toy_transform(raw);
               return TaskInputs{.images_NCYX = tensor::upload(batch.images_NCYX, device),
                                 .targets = tensor::upload(batch.targets, device)};
             },
             {}),
        graphed(task, [this](const std::string& text) { told.push_back(text); }) {
    network->to(device);
    network->train();
    optimizer = std::make_unique<Optimizer>(*network, OptimizerOptions{.kind = OptimizerKind::sgd});
  }

  /// Step k of the same training, by the graph or without.
  double step(std::int64_t k, bool by_graph) {
    at::manual_seed(static_cast<std::uint64_t>(k));
    std::vector<Part> parts;
    if (by_graph) {
      parts = graphed.run(task.prepare(toy_batch(k)));
    } else {
      TaskOutput output = task.step(toy_batch(k), 1);
      output.loss.backward();
      parts = output.parts;
    }
    const double loss = parts[0].value.item<double>();
    optimizer->step(0.02);
    return loss;
  }

  std::shared_ptr<ToyNetwork> network;
  SupervisedTask task;
  std::vector<std::string> told;
  GraphedStep graphed;
  std::unique_ptr<Optimizer> optimizer;
};

TEST(GraphedStep, OnACpuIsThePlainStep) {
  ToyTraining plain{at::Device(at::kCPU)};
  ToyTraining graphed{at::Device(at::kCPU)};
  for (std::int64_t k = 0; k < 6; ++k) {
    EXPECT_EQ(graphed.step(k, true), plain.step(k, false));
  }
  EXPECT_TRUE(same_state(*graphed.network, *plain.network));
  EXPECT_FALSE(graphed.graphed.is_recorded());
}

TEST(GraphedStepGpu, RepeatsWhatThePlainStepDoes) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const at::Device device(at::kCUDA, 0);
  tensor::use_precision(tensor::Precision::fp32, device);
  ToyTraining plain(device);
  ToyTraining graphed(device);
  for (std::int64_t k = 0; k < 12; ++k) {
    if (k == 7) {  // other weights are trained from here on
      for (ToyTraining* training : {&plain, &graphed}) {
        training->network->parameters()[0].requires_grad_(false);
      }
    }
    EXPECT_NEAR(graphed.step(k, true), plain.step(k, false), 1e-6) << k;
    if (k == 5 || k == 11) {
      EXPECT_TRUE(graphed.graphed.is_recorded()) << "built without the headers of CUDA?";
    }
  }
  EXPECT_THAT(graphed.told, ::testing::ElementsAre(::testing::HasSubstr("are recorded")));
  for (std::size_t i = 0; i < plain.network->parameters().size(); ++i) {
    EXPECT_TRUE(
        graphed.network->parameters()[i].allclose(plain.network->parameters()[i], 1e-5, 1e-6))
        << i;
  }
}

/// A task that looks at a value of the device in every step.
class WaitingTask final : public Task {
 public:
  explicit WaitingTask(Task& inner) : inner_(inner) {}
  torch::nn::Module& network() override { return inner_.network(); }
  TaskInputs prepare(const data::RawBatch& raw) override { return inner_.prepare(raw); }
  TaskOutput compute(const TaskInputs& inputs, double share) override {
    TaskOutput output = inner_.compute(inputs, share);
    output.loss.item<float>();
    return output;
  }
  bool is_repeatable() const override { return true; }

 private:
  Task& inner_;
};

TEST(GraphedStepGpu, AStepThatWaitsForTheDeviceStaysPlain) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const at::Device device(at::kCUDA, 0);
  tensor::use_precision(tensor::Precision::fp32, device);
  ToyTraining plain(device);
  ToyTraining waiting(device);
  WaitingTask task(waiting.task);
  std::vector<std::string> told;
  GraphedStep graphed(task, [&](const std::string& text) { told.push_back(text); });
  for (std::int64_t k = 0; k < 8; ++k) {
    const double loss = plain.step(k, false);
    at::manual_seed(static_cast<std::uint64_t>(k));
    const std::vector<Part> parts = graphed.run(task.prepare(toy_batch(k)));
    EXPECT_NEAR(parts[0].value.item<double>(), loss, 1e-6) << k;
    waiting.optimizer->step(0.02);
  }
  EXPECT_FALSE(graphed.is_recorded());
  EXPECT_THAT(told, ::testing::ElementsAre(::testing::HasSubstr("are not recorded")));
}

}  // namespace
}  // namespace retina::trainer
