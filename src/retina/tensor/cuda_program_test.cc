#include "retina/tensor/cuda_program.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace retina::tensor {
namespace {

constexpr const char* kTwice = R"cuda(
extern "C" __global__ void twice_float(float* x, int count, double factor) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < count) x[i] = float(factor * value(x[i]));
}
)cuda";

TEST(CudaProgram, IsNotReadyOnACpu) {
  CudaProgram program(kTwice);
  EXPECT_FALSE(program.is_ready(at::Device(at::kCPU)));
}

TEST(CudaProgram, ArgumentsThatDoNotFitAreRefused) {
  KernelArguments arguments;
  EXPECT_THROW(arguments.add(std::int64_t{1} << 40), c10::Error);
}

TEST(CudaProgram, KernelsAreNamedByTheirType) {
  EXPECT_EQ(kernel_name("apply", at::kFloat), "apply_float");
  EXPECT_EQ(kernel_name("apply", at::kBFloat16), "apply_bf16");
}

TEST(CudaProgramGpu, RunsOnTheDevicesQueue) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const at::Device device(at::kCUDA, 0);
  const at::Tensor x = at::arange(1000, at::TensorOptions().device(device).dtype(at::kFloat));
  CudaProgram program(kTwice);
  ASSERT_TRUE(program.is_ready(device));
  KernelArguments arguments;
  arguments.add(x).add(x.numel()).add(2.0);
  program.launch(kernel_name("twice", at::kFloat), device,
                 {.blocks = {.x = 4}, .threads = {.x = 256}}, arguments);
  EXPECT_TRUE(x.cpu().equal(2 * at::arange(1000, at::kFloat)));
}

TEST(CudaProgramGpu, WhatDoesNotCompileIsNotReady) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const at::Device device(at::kCUDA, 0);
  CudaProgram program("this is no C");
  EXPECT_FALSE(program.is_ready(device));
  KernelArguments arguments;
  EXPECT_THROW(program.launch("twice", device, {}, arguments), c10::Error);
}

}  // namespace
}  // namespace retina::tensor
