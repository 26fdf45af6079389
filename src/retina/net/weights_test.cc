#include "retina/net/weights.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/linear.h>

#include "retina/core/error.h"

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

TEST(Weights, StripsTheParallelPrefix) {
  const auto from = linear_and_norm();
  tensor::NamedTensors state = state_dict(*from);
  for (auto& [name, tensor] : state.tensors) {
    name = "module." + name;
  }
  auto to = linear_and_norm();
  EXPECT_NO_THROW(load_state_dict(*to, state, "memory"));
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

}  // namespace
}  // namespace retina::net
