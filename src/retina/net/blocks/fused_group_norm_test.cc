#include "retina/net/blocks/fused_group_norm.h"

#include <ostream>

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>

#include "retina/net/blocks/group_norm_cuda.h"

namespace retina::net {
namespace {

struct NormCase {
  const char* name;
  std::int64_t channels;
  int groups;
  std::int64_t side;
  NormActivation activation;
  bool shortcut;

  friend std::ostream& operator<<(std::ostream& out, const NormCase& norm) {
    return out << norm.name;
  }
};

at::Tensor stated_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                       const at::Tensor& shortcut, const NormCase& norm) {
  at::Tensor y = at::group_norm(x, norm.groups, weight, bias, 1e-6);
  if (shortcut.defined()) {
    y = y + shortcut;
  }
  return norm.activation == NormActivation::relu ? at::relu(y) : y;
}

class FusedGroupNormOf : public ::testing::TestWithParam<NormCase> {
 protected:
  void SetUp() override {
    at::manual_seed(3);
    const NormCase& norm = GetParam();
    const std::vector<std::int64_t> shape{3, norm.channels, norm.side, norm.side};
    x_ = 2 * at::randn(shape, at::kDouble) + 1;
    weight_ = at::randn({norm.channels}, at::kDouble);
    bias_ = at::randn({norm.channels}, at::kDouble);
    if (norm.shortcut) {
      shortcut_ = at::randn(shape, at::kDouble);
    }
  }

  /// Output and gradients of all inputs, for random output gradients, from inputs of `type`; fused
  /// on `device`.
  std::vector<at::Tensor> run(at::ScalarType type, bool fused, at::Device device = at::kCPU) const {
    std::vector<at::Tensor> inputs{x_.to(device, type), weight_.to(device, at::kFloat),
                                   bias_.to(device, at::kFloat)};
    if (!fused) {
      inputs = {x_.clone(), weight_.clone(), bias_.clone()};
    }
    if (shortcut_.defined()) {
      inputs.push_back(fused ? shortcut_.to(device, type) : shortcut_.clone());
    }
    for (at::Tensor& input : inputs) {
      input.requires_grad_(true);
    }
    const at::Tensor shortcut = inputs.size() > 3 ? inputs[3] : at::Tensor();
    const NormCase& norm = GetParam();
    const at::Tensor y =
        fused
            ? fused_group_norm(inputs[0], inputs[1], inputs[2], shortcut,
                               {.groups = norm.groups, .eps = 1e-6, .activation = norm.activation})
            : stated_norm(inputs[0], inputs[1], inputs[2], shortcut, norm);
    at::manual_seed(9);
    const at::Tensor dy = at::randn(y.sizes(), at::kDouble).to(y.options());
    std::vector<at::Tensor> results = torch::autograd::grad({y}, inputs, {dy});
    results.push_back(y);
    return results;
  }

  void expect_near(at::ScalarType type, double tolerance, at::Device device = at::kCPU) const {
    const std::vector<at::Tensor> actual = run(type, true, device);
    const std::vector<at::Tensor> truth = run(at::kDouble, false);
    ASSERT_EQ(actual.size(), truth.size());
    for (std::size_t i = 0; i < truth.size(); ++i) {
      const at::Tensor difference = actual[i].to(at::kCPU, at::kDouble) - truth[i];
      EXPECT_LT((difference.norm() / truth[i].norm()).item<double>(), tolerance) << i;
    }
  }

  at::Tensor x_, weight_, bias_, shortcut_;
};

TEST_P(FusedGroupNormOf, EqualsTheSeparateOperations) {
  expect_near(at::kFloat, 2e-6);
}

TEST_P(FusedGroupNormOf, EqualsThemInBfloat16ToItsRounding) {
  expect_near(at::kBFloat16, 0.06);
}

TEST_P(FusedGroupNormOf, EqualsTheSeparateOperationsOnAGpu) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const at::Device device(at::kCUDA, 0);
  ASSERT_TRUE(passes::cuda_takes(x_.to(device, at::kFloat)));
  expect_near(at::kFloat, 4e-6, device);
  expect_near(at::kBFloat16, 0.06, device);
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, FusedGroupNormOf,
    ::testing::Values(NormCase{"plain", 64, 32, 9, NormActivation::none, false},
                      NormCase{"relu", 64, 32, 20, NormActivation::relu, false},
                      NormCase{"shortcut", 32, 8, 7, NormActivation::relu, true},
                      NormCase{"each_channel", 24, 24, 5, NormActivation::none, false},
                      NormCase{"shortcut_only", 20, 5, 6, NormActivation::none, true},
                      NormCase{"one_pixel", 16, 2, 1, NormActivation::relu, false},
                      NormCase{"wide", 640, 32, 40, NormActivation::relu, true},
                      NormCase{"wide_each_channel", 1024, 1024, 17, NormActivation::none, false}),
    [](const auto& test) { return test.param.name; });

TEST(FusedGroupNorm, DoubleGoesThroughTorch) {
  const at::Tensor x = at::randn({1, 8, 4, 4}, at::kDouble);
  const at::Tensor one = at::ones({8}, at::kDouble);
  const at::Tensor zero = at::zeros({8}, at::kDouble);
  const at::Tensor y = fused_group_norm(
      x, one, zero, {}, {.groups = 4, .eps = 1e-5, .activation = NormActivation::none});
  EXPECT_TRUE(at::allclose(y, at::group_norm(x, 4, one, zero, 1e-5), 1e-12, 1e-12));
}

TEST(FusedGroupNorm, ReadsAnyMemoryOrder) {
  const at::Tensor x = at::randn({2, 8, 4, 6});
  const at::Tensor one = at::ones({8});
  const at::Tensor zero = at::zeros({8});
  const FusedGroupNormOptions options{.groups = 2};
  EXPECT_TRUE(at::equal(
      fused_group_norm(x, one, zero, {}, options),
      fused_group_norm(x.contiguous(at::MemoryFormat::ChannelsLast), one, zero, {}, options)));
}

}  // namespace
}  // namespace retina::net
