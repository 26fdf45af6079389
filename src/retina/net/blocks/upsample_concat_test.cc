#include "retina/net/blocks/upsample_concat.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

namespace retina::net {
namespace {

at::Tensor stated(const at::Tensor& x, const at::Tensor& skip) {
  const at::Tensor y = at::upsample_bilinear2d(x, {2 * x.size(2), 2 * x.size(3)}, true);
  return skip.defined() ? at::cat({y, skip}, 1) : y;
}

/// The result and the gradients of x and of the skip, where there is one.
template <class Function>
std::vector<at::Tensor> run(Function function, const at::Tensor& x, const at::Tensor& skip,
                            const at::TensorOptions& options) {
  std::vector<at::Tensor> inputs{x.to(options).requires_grad_(true)};
  if (skip.defined()) {
    inputs.push_back(skip.to(options).requires_grad_(true));
  }
  const at::Tensor y = function(inputs[0], skip.defined() ? inputs[1] : at::Tensor());
  at::manual_seed(8);
  const at::Tensor dy = at::randn(y.sizes(), at::kDouble).to(options);
  std::vector<at::Tensor> results = torch::autograd::grad({y}, inputs, {dy});
  results.push_back(y);
  return results;
}

TEST(UpsampleConcat, JoinsBehindTheUpsampled) {
  at::manual_seed(2);
  const at::Tensor x = at::randn({2, 3, 5, 7});
  const at::Tensor skip = at::randn({2, 4, 10, 14});
  EXPECT_TRUE(upsample_concat(x, skip).equal(stated(x, skip)));
  EXPECT_TRUE(upsample_concat(x, {}).equal(stated(x, {})));
}

TEST(UpsampleConcatGpu, KernelsEqualTheSeparateOperations) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const auto on_device = at::TensorOptions().device(at::kCUDA);
  for (const std::vector<std::int64_t>& shape :
       {std::vector<std::int64_t>{3, 16, 14, 14}, {2, 40, 9, 5}, {1, 8, 1, 3}, {2, 64, 56, 56}}) {
    for (const std::int64_t skip_channels : {0, 24}) {
      at::manual_seed(4);
      const at::Tensor x = at::randn(shape, at::kDouble);
      const at::Tensor skip =
          skip_channels == 0
              ? at::Tensor()
              : at::randn({shape[0], skip_channels, 2 * shape[2], 2 * shape[3]}, at::kDouble);
      const auto truth = run(stated, x, skip, at::kDouble);
      const auto near = [&](at::ScalarType type, double tolerance) {
        const auto actual = run(upsample_concat, x, skip, on_device.dtype(type));
        for (std::size_t i = 0; i < truth.size(); ++i) {
          const at::Tensor difference = actual[i].to(at::kCPU, at::kDouble) - truth[i];
          EXPECT_LT((difference.norm() / truth[i].norm()).item<double>(), tolerance)
              << i << " of " << x.sizes() << ", skip " << skip_channels;
        }
      };
      near(at::kFloat, 2e-6);
      near(at::kBFloat16, 6e-3);
    }
  }
}

}  // namespace
}  // namespace retina::net
