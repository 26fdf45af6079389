#include "retina/net/weights.h"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include "retina/core/error.h"
#include "retina/testing/bad_data.h"

namespace retina::net {
namespace {

using ::testing::HasSubstr;

torch::nn::Sequential linear_and_norm() {
  return torch::nn::Sequential(torch::nn::Linear(3, 2), torch::nn::BatchNorm1d(2));
}

TEST(Weights, StateDictHasThePythonOrder) {
  std::vector<std::string> names;
  for (const auto& [name, tensor] : state_dict(*linear_and_norm()).tensors) {
    names.push_back(name);
  }
  EXPECT_THAT(names,
              ::testing::ElementsAre("0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean",
                                     "1.running_var", "1.num_batches_tracked"));
}

TEST(Weights, LoadOfStateDictIsTheSame) {
  const auto from = linear_and_norm();
  auto to = linear_and_norm();
  load_state_dict(*to, state_dict(*from), "memory");
  for (const auto& parameter : from->named_parameters()) {
    EXPECT_TRUE(at::equal(parameter.value(), to->named_parameters()[parameter.key()]));
  }
}

TEST(Weights, StripsWhatWrappersPutBeforeNames) {
  const auto from = linear_and_norm();
  for (const char* prefix : {"module.", "_orig_mod.", "module._orig_mod.", "_orig_mod.module."}) {
    tensor::NamedTensors state = state_dict(*from);
    for (auto& [name, tensor] : state.tensors) {
      name.insert(0, prefix);
    }
    auto to = linear_and_norm();
    EXPECT_NO_THROW(load_state_dict(*to, state, "memory")) << prefix;
  }
}

TEST(Weights, ListsAllProblemsAndChangesNothing) {
  auto module = linear_and_norm();
  tensor::NamedTensors state = state_dict(*module);
  state.tensors[0].second = at::ones({2, 4});
  state.tensors[1].first = "0.offset";
  const at::Tensor before = module->parameters()[0].clone();
  try {
    load_state_dict(*module, state, "other.safetensors");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_data);
    EXPECT_THAT(error.what(),
                ::testing::AllOf(HasSubstr("other.safetensors"), HasSubstr("0.weight"),
                                 HasSubstr("[2, 4]"), HasSubstr("0.bias"), HasSubstr("0.offset")));
  }
  EXPECT_TRUE(at::equal(module->parameters()[0], before));
}

TEST(Weights, IntegersForAParameterAreRefused) {
  auto module = linear_and_norm();
  const at::Tensor before = module->parameters()[0].clone();
  for (const auto& [type, type_name] : {std::pair(at::kChar, "int8"), std::pair(at::kByte, "uint8"),
                                        std::pair(at::kBool, "bool")}) {
    tensor::NamedTensors state = state_dict(*module);
    state.tensors[0].second = at::ones({2, 3}, type);
    const std::string message =
        testing::bad_data_message([&] { load_state_dict(*module, state, "small.safetensors"); });
    EXPECT_THAT(message, ::testing::AllOf(HasSubstr("small.safetensors"),
                                          HasSubstr(std::string("0.weight: ") + type_name),
                                          HasSubstr("expected floating-point numbers")));
  }
  EXPECT_TRUE(at::equal(module->parameters()[0], before));
}

/// One of them is finite until it is cast.
TEST(Weights, ValuesThatAreNotFiniteAreRefused) {
  auto module = linear_and_norm();
  const at::Tensor before = module->parameters()[0].clone();
  for (const double value : {std::numeric_limits<double>::quiet_NaN(),
                             -std::numeric_limits<double>::infinity(), 1e300}) {
    tensor::NamedTensors state = state_dict(*module);
    state.tensors[0].second = at::zeros({2, 3}, at::kDouble);
    state.tensors[0].second.select(1, 1).fill_(value);
    const std::string message =
        testing::bad_data_message([&] { load_state_dict(*module, state, "diverged.pth"); });
    EXPECT_THAT(message, ::testing::AllOf(HasSubstr("diverged.pth"),
                                          HasSubstr("0.weight: 2 of 6 values are not finite")));
  }
  EXPECT_TRUE(at::equal(module->parameters()[0], before));
}

TEST(Weights, PositionTableFollowsTheWindow) {
  const std::string name = "transformer.embeddings.position_embeddings";
  const at::Tensor rows = at::arange(4, at::kFloat).view({4, 1}).expand({4, 4});
  tensor::NamedTensors state;
  state.tensors = {{name, rows.reshape({1, 16, 1})}, {"other", at::ones({1, 16, 1})}};
  EXPECT_TRUE(at::equal(with_grid(state, 4).at(name), state.at(name)));
  const tensor::NamedTensors wider = with_grid(state, 7);
  const at::Tensor grid = wider.at(name).view({7, 7});
  EXPECT_TRUE(at::allclose(grid.select(1, 3), at::arange(7, at::kFloat) / 2, 1e-5, 1e-5));
  EXPECT_EQ(wider.at("other").size(1), 16);
}

/// A table of 4 x 4 tokens, one of its two channels after the other.
const std::vector<float> kTable{8, 3, 1, 6,  -8, -4, 8,  0, -7, -7, 6,  -3, 4,  9,  0, 2,
                                2, 8, 5, -5, -4, 7,  -9, 6, 6,  -1, -4, -4, -5, -1, 0, 1};
/// scipy.ndimage.zoom(channel, 7 / 4, order=1) of either, scipy 1.17.1.
const std::vector<float> kZoomed{8,    5.5,   3,    2,     1,    3.5,   6,     //
                                 0,    -0.25, -0.5, 2,     4.5,  3.75,  3,     //
                                 -8,   -6,    -4,   2,     8,    4,     0,     //
                                 -7.5, -6.5,  -5.5, 0.75,  7,    2.75,  -1.5,  //
                                 -7,   -7,    -7,   -0.5,  6,    1.5,   -3,    //
                                 -1.5, -0.25, 1,    2,     3,    1.25,  -0.5,  //
                                 4,    6.5,   9,    4.5,   0,    1,     2,     //
                                 2,    5,     8,    6.5,   5,    0,     -5,    //
                                 -1,   3.25,  7.5,  2.75,  -2,   -0.75, 0.5,   //
                                 -4,   1.5,   7,    -1,    -9,   -1.5,  6,     //
                                 1,    2,     3,    -1.75, -6.5, -2.75, 1,     //
                                 6,    2.5,   -1,   -2.5,  -4,   -4,    -4,    //
                                 0.5,  -0.25, -1,   -1.5,  -2,   -1.75, -1.5,  //
                                 -5,   -3,    -1,   -0.5,  0,    0.5,   1};

TEST(Weights, PositionTableIsResampledAsByScipy) {
  const std::string name = "transformer.embeddings.position_embeddings";
  const at::Tensor table_1TC = at::tensor(kTable).view({1, 2, 16}).transpose(1, 2);
  tensor::NamedTensors state;
  state.tensors = {{name, table_1TC.contiguous()}};
  const at::Tensor found_1TC = with_grid(state, 7).at(name);
  ASSERT_EQ(found_1TC.sizes(), (std::vector<std::int64_t>{1, 49, 2}));
  const at::Tensor expected_1TC = at::tensor(kZoomed).view({1, 2, 49}).transpose(1, 2);
  EXPECT_LE((found_1TC - expected_1TC).abs().max().item<float>(), 1e-5F);
}

}  // namespace
}  // namespace retina::net
