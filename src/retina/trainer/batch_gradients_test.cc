#include "retina/trainer/batch_gradients.h"

#include <cstdint>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/core/error.h"
#include "retina/testing/heard.h"
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

data::RawBatch five_samples() {
  data::RawBatch five = toy_batch(0);
  for (const std::int64_t index : {1, 2}) {
    for (data::RawSample& sample : toy_batch(index).samples) {
      five.samples.push_back(std::move(sample));
    }
  }
  five.samples.pop_back();
  return five;
}

TEST(BatchGradients, OfABatchInUnevenPartsAreThoseOfTheWholeBatch) {
  const auto network = make_toy_network(1);
  MeanImageTask task(*network, 2);
  const testing::Heard heard;
  BatchGradients gradients(task, {}, heard.context);
  const data::RawBatch raw = five_samples();
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
    gradients.compute(five_samples());
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::resource);
  }
  EXPECT_THAT(task.sizes, ::testing::ElementsAre(5, 2, 1));
}

}  // namespace
}  // namespace retina::trainer
