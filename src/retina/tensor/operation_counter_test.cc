#include "retina/tensor/operation_counter.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retina/tensor/device.h"

namespace retina::tensor {
namespace {

TEST(OperationCounter, CountsAConvolution) {
  const at::Tensor images = at::zeros({2, 3, 8, 8});
  const at::Tensor kernel = at::zeros({5, 3, 3, 3});
  const OperationCounter counter;
  at::conv2d(images, kernel, {}, 2, 1);  // to 4 x 4
  EXPECT_EQ(counter.count().operations, 1);
  EXPECT_EQ(counter.count().flops, 2.0 * 2 * 5 * 4 * 4 * (3 * 3 * 3));
  EXPECT_EQ(counter.count().weight_elements, 5 * 3 * 3 * 3);
  EXPECT_EQ(counter.count().value_elements, 2 * 3 * 8 * 8 + 2 * 5 * 4 * 4);
  EXPECT_GT(counter.count().seconds, 0);
}

TEST(OperationCounter, CountsLinearLayersAndAttention) {
  const at::Tensor tokens = at::zeros({2, 7, 6});
  const at::Tensor queries = at::zeros({2, 3, 7, 4});
  const OperationCounter counter;
  const c10::InferenceMode inference;
  at::linear(tokens, at::zeros({5, 6}), at::zeros({5}));
  EXPECT_EQ(counter.count().flops, 2.0 * 2 * 7 * 6 * 5);
  at::scaled_dot_product_attention(queries, queries, queries);
  EXPECT_EQ(counter.count().operations, 2);
  EXPECT_EQ(counter.count().flops, 2.0 * 2 * 7 * 6 * 5 + 2 * (2.0 * 2 * 3 * 7 * 7 * 4));
}

TEST(OperationCounter, AutocastDoesNotCountTwice) {
  const at::Tensor images = at::zeros({1, 2, 4, 4});
  const at::Tensor kernel = at::zeros({3, 2, 1, 1});
  const OperationCounter counter;
  const AutocastGuard autocast(at::kCPU, true);
  at::conv2d(images, kernel);
  EXPECT_EQ(counter.count().operations, 1);
}

TEST(OperationCounter, CountsNothingOfOtherTimesAndOperations) {
  const at::Tensor matrix = at::zeros({3, 3});
  at::linear(matrix, matrix);
  const OperationCounter counter;
  matrix.add(matrix);
  EXPECT_EQ(counter.count().operations, 0);
}

}  // namespace
}  // namespace retina::tensor
