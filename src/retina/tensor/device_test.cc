#include "retina/tensor/device.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>

namespace retina::tensor {
namespace {

std::string device_error(const std::string& name) {
  try {
    choose_device(name);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    return error.what();
  }
  return "no error";
}

TEST(Device, CpuIsAlwaysThere) {
  EXPECT_TRUE(choose_device("cpu").is_cpu());
}

TEST(Device, AutoFindsSomething) {
  const at::Device device = choose_device("auto");
  EXPECT_TRUE(device.is_cpu() || device.is_cuda());
}

TEST(Device, UnknownNameListsTheKnown) {
  for (const char* name : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:12345", ""}) {
    EXPECT_THAT(device_error(name), ::testing::HasSubstr("cuda:N")) << name;
  }
}

TEST(Device, AbsentCudaDeviceSaysHowManyThereAre) {
  EXPECT_THAT(device_error("cuda:99"), ::testing::HasSubstr("CUDA devices"));
}

TEST(Device, ChosenTypeFollowsPrecision) {
  const at::Device cpu(at::kCPU);
  EXPECT_EQ(choose_type(Precision::fp32, cpu), at::kFloat);
  EXPECT_EQ(choose_type(Precision::bf16, cpu), at::kBFloat16);
  EXPECT_EQ(choose_type(Precision::automatic, cpu) == at::kBFloat16, bf16_is_fast(cpu));
}

TEST(Device, Tf32IsForCudaAlone) {
  EXPECT_EQ(choose_type(Precision::tf32, at::Device(at::kCUDA, 0)), at::kFloat);
  try {
    choose_precision(Precision::tf32, at::Device(at::kCPU));
    ADD_FAILURE() << "no error";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), ::testing::HasSubstr("tf32 on cpu"));
  }
}

TEST(Device, SetsTheThreadCount) {
  const int before = at::get_num_threads();
  set_threads(1);
  EXPECT_EQ(at::get_num_threads(), 1);
  set_threads(0);
  EXPECT_GE(at::get_num_threads(), 1);
  set_threads(before);
}

TEST(Device, KeptMemoryServesTheNextTensor) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "the sanitizer has an allocator of its own";
#endif
  keep_freed_memory();
  const std::int64_t large = 80 << 20;  // beyond the greatest threshold of separate mappings
  const std::size_t mapped = ::mallinfo2().hblkhd;
  {
    const at::Tensor tensor = at::empty({large}, at::kByte);
    EXPECT_EQ(::mallinfo2().hblkhd, mapped) << "mapped apart, so given back when freed";
  }
  EXPECT_GE(::mallinfo2().fordblks, static_cast<std::size_t>(large));
}

TEST(AutocastGuard, IsOnWithinItsLifetimeOnly) {
  const at::Tensor square = at::ones({4, 4});
  {
    const AutocastGuard guard(at::kCPU, true);
    EXPECT_EQ(at::matmul(square, square).scalar_type(), at::kBFloat16);
  }
  EXPECT_EQ(at::matmul(square, square).scalar_type(), at::kFloat);
}

TEST(AutocastGuard, DoesNothingIfOff) {
  const AutocastGuard outer(at::kCPU, true);
  const AutocastGuard inner(at::kCPU, false);
  EXPECT_TRUE(at::autocast::is_autocast_enabled(at::kCPU));
}

}  // namespace
}  // namespace retina::tensor
