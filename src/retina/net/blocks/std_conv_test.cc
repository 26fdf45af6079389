#include "retina/net/blocks/std_conv.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "retina/net/blocks/std_conv_cuda.h"

namespace retina::net {
namespace {

TEST(StdConv, StandardisedKernelsHaveMeanZeroAndVarianceOne) {
  const at::Tensor w = standardised(3 + 2 * at::randn({4, 8, 3, 3}, at::kDouble));
  EXPECT_LT(w.mean({1, 2, 3}).abs().max().item<double>(), 1e-12);
  // eps 1e-5 under the root of a variance near 4
  EXPECT_LT((w.square().mean({1, 2, 3}) - 1).abs().max().item<double>(), 1e-5);
}

TEST(StdConv, OutputDoesNotDependOnTheKernelsScaleAndOffset) {
  StdConv2d conv(StdConv2dOptions{.in_channels = 2, .out_channels = 3, .kernel = 3, .padding = 1});
  conv->to(at::kDouble);
  const at::Tensor x = at::randn({1, 2, 6, 6}, at::kDouble);
  const at::NoGradGuard no_grad;
  at::Tensor weight = conv->parameters()[0];
  weight.mul_(10);  // far above eps
  const at::Tensor before = conv->forward(x);
  weight.mul_(7).add_(5);
  EXPECT_LT((conv->forward(x) - before).abs().max().item<double>(), 1e-4);
}

TEST(StdConvGpu, KernelsEqualTheSeparateOperations) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  for (const auto& shape :
       {std::vector<std::int64_t>{3, 5, 3, 3}, {64, 256, 1, 1}, {32, 3, 7, 7}}) {
    at::manual_seed(4);
    const at::Tensor weight = at::randn(shape, at::kDouble) + 0.5;
    const at::Tensor gradient = at::randn(shape, at::kDouble);
    const auto run = [&](const at::TensorOptions& options) {
      const at::Tensor input = weight.to(options).requires_grad_(true);
      const at::Tensor output = standardised(input);
      return std::vector<at::Tensor>{
          output, torch::autograd::grad({output}, {input}, {gradient.to(options)})[0]};
    };
    const auto options = at::TensorOptions().device(at::kCUDA).dtype(at::kFloat);
    ASSERT_TRUE(passes::cuda_standardises(weight.to(options)));
    const auto truth = run(at::kDouble);
    const auto actual = run(options);
    for (std::size_t i = 0; i < truth.size(); ++i) {
      const at::Tensor difference = actual[i].to(at::kCPU, at::kDouble) - truth[i];
      EXPECT_LT((difference.norm() / truth[i].norm()).item<double>(), 3e-6) << i;
    }
    const at::Tensor rounded =
        passes::cuda_standardise(weight.to(options), at::kBFloat16).weight_OIYX;
    EXPECT_TRUE(rounded.equal(
        passes::cuda_standardise(weight.to(options), at::kFloat).weight_OIYX.to(at::kBFloat16)));
  }
}

TEST(StdConv, StartsWithinTheBoundOfTheFanIn) {
  const StdConv2d conv(StdConv2dOptions{.in_channels = 4, .out_channels = 64, .kernel = 3});
  const double bound = 1 / std::sqrt(36.0);
  const double greatest = conv->parameters()[0].abs().max().item<double>();
  EXPECT_LE(greatest, bound);
  EXPECT_GT(greatest, 0.95 * bound);
}

}  // namespace
}  // namespace retina::net
