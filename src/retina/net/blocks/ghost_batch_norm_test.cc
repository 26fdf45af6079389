#include "retina/net/blocks/ghost_batch_norm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "retina/net/blocks/decoder_block.h"

namespace retina::net {
namespace {

torch::nn::BatchNorm2d random_norm(std::int64_t channels) {
  at::manual_seed(5);
  torch::nn::BatchNorm2d norm(channels);
  const at::NoGradGuard no_grad;
  norm->weight.normal_();
  norm->bias.normal_();
  norm->running_mean.normal_();
  norm->running_var.uniform_(0.5, 2);
  return norm;
}

/// Output, gradients of x, weight and bias, running statistics.
template <class Forward>
std::vector<at::Tensor> run(const at::Device& device, Forward forward) {
  torch::nn::BatchNorm2d norm = random_norm(24);
  norm->to(device);
  at::manual_seed(6);
  const at::Tensor x = (2 * at::randn({6, 24, 5, 7}) + 1).to(device).requires_grad_(true);
  const at::Tensor y = forward(norm, x);
  const at::Tensor dy = at::randn({6, 24, 5, 7}).to(device);
  std::vector<at::Tensor> results = torch::autograd::grad({y}, {x, norm->weight, norm->bias}, {dy});
  results.insert(results.begin(), y);
  results.push_back(norm->running_mean);
  results.push_back(norm->running_var);
  results.push_back(norm->num_batches_tracked.to(at::kFloat));
  return results;
}

void expect_near(const std::vector<at::Tensor>& actual, const std::vector<at::Tensor>& truth) {
  ASSERT_EQ(actual.size(), truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    EXPECT_TRUE(actual[i].cpu().allclose(truth[i], 1e-4, 1e-5)) << i;
  }
}

void expect_the_module(const at::Device& device) {
  const auto truth =
      run(at::Device(at::kCPU),
          [](torch::nn::BatchNorm2d norm, const at::Tensor& x) { return norm->forward(x).relu(); });
  expect_near(run(device, [](torch::nn::BatchNorm2d norm,
                             const at::Tensor& x) { return batch_norm_relu(x, *norm, {}); }),
              truth);
}

/// Of groups of two, one after the other through the module, whose running statistics are then
/// those of the first group, or the mean of what each group would have left.
void expect_groups(const at::Device& device, bool averaged) {
  const auto truth =
      run(at::Device(at::kCPU), [&](torch::nn::BatchNorm2d norm, const at::Tensor& x) {
        std::vector<at::Tensor> parts;
        std::vector<at::Tensor> means;
        std::vector<at::Tensor> variances;
        for (const at::Tensor& part : x.split(2)) {
          means.push_back(norm->running_mean.clone());
          variances.push_back(norm->running_var.clone());
          parts.push_back(at::batch_norm(part, norm->weight, norm->bias, means.back(),
                                         variances.back(), true, 0.1, 1e-5, false)
                              .relu());
        }
        norm->running_mean.copy_(averaged ? at::stack(means).mean(0) : means[0]);
        norm->running_var.copy_(averaged ? at::stack(variances).mean(0) : variances[0]);
        norm->num_batches_tracked.fill_(1);
        return at::cat(parts);
      });
  expect_near(run(device,
                  [&](torch::nn::BatchNorm2d norm, const at::Tensor& x) {
                    return batch_norm_relu(x, *norm, {.group = 2, .averaged = averaged});
                  }),
              truth);
}

TEST(GhostBatchNorm, OfAWholeBatchIsTheModule) {
  expect_the_module(at::Device(at::kCPU));
}

TEST(GhostBatchNorm, GroupsHaveStatisticsOfTheirOwn) {
  for (const bool averaged : {false, true}) {
    expect_groups(at::Device(at::kCPU), averaged);
  }
}

TEST(GhostBatchNormGpu, IsTheSame) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const at::Device device(at::kCUDA, 0);
  expect_the_module(device);
  for (const bool averaged : {false, true}) {
    expect_groups(device, averaged);
  }
}

/// Channels and types without kernels of our own go by torch's operations.
TEST(GhostBatchNorm, Float64IsTheModuleToItsPrecision) {
  torch::nn::BatchNorm2d ours = random_norm(5);
  torch::nn::BatchNorm2d module = random_norm(5);
  ours->to(at::kDouble);
  module->to(at::kDouble);
  const at::Tensor x = at::randn({4, 5, 3, 6}, at::kDouble);
  EXPECT_TRUE(batch_norm_relu(x, *ours, {}).allclose(module->forward(x).relu(), 1e-10, 1e-12));
  EXPECT_TRUE(ours->running_var.allclose(module->running_var, 1e-5));
}

TEST(GhostBatchNorm, UnevenGroupsAreRefused) {
  torch::nn::BatchNorm2d norm = random_norm(8);
  EXPECT_THROW(batch_norm_relu(at::randn({5, 8, 2, 2}), *norm, {.group = 2}), c10::Error);
}

TEST(GhostBatchNorm, IsSetForAllOfANetwork) {
  at::manual_seed(1);
  DecoderBlock block(DecoderBlockOptions{.in_channels = 4, .skip_channels = 0, .out_channels = 4});
  block->train();
  const at::Tensor x = at::randn({4, 4, 3, 3});
  const at::Tensor whole = block->forward(x, {});
  const at::Tensor first_alone = block->forward(x.narrow(0, 0, 2), {});
  set_ghost_norm(*block, {.group = 2});
  const at::Tensor grouped = block->forward(x, {});
  EXPECT_TRUE(grouped.narrow(0, 0, 2).allclose(first_alone, 1e-4, 1e-5));
  EXPECT_FALSE(grouped.allclose(whole, 1e-2, 1e-2));
}

}  // namespace
}  // namespace retina::net
