#include "retina/tensor/device_meter.h"

#include <chrono>
#include <thread>

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "retina/tensor/upload.h"

namespace retina::tensor {
namespace {

TEST(DeviceMeter, HasNothingToLookAtOnACpu) {
  const DeviceMeter meter{at::Device(at::kCPU)};
  EXPECT_FALSE(meter.busy());
  EXPECT_EQ(meter.count().looks, 0);
}

TEST(DeviceMeterGpu, TellsWorkFromIdleness) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const at::Device device(at::kCUDA, 0);
  const at::Tensor square = at::randn({4096, 4096}, at::TensorOptions().device(device));
  at::matmul(square, square).sum().item<float>();  // libraries are loaded
  const DeviceMeter meter(device);
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const DeviceMeter::Count idle = meter.count();
  ASSERT_TRUE(meter.busy());
  EXPECT_LT(*meter.busy(), 0.05);
  at::Tensor product = square;
  for (int i = 0; i < 100; ++i) {
    product = at::matmul(product, square).mul_(1e-3);
  }
  product.sum().item<float>();
  const std::optional<double> busy = DeviceMeter::busy(idle, meter.count());
  ASSERT_TRUE(busy);
  EXPECT_GT(*busy, 0.9);
}

TEST(Upload, KeepsValuesAndTheDevice) {
  const at::Tensor host = at::arange(12, at::kInt).view({3, 4}).t();
  EXPECT_TRUE(upload(host, at::Device(at::kCPU)).equal(host));
}

TEST(UploadGpu, CopiesInTheOrderOfTheQueue) {
  if (!at::hasCUDA()) {
    GTEST_SKIP() << "absent: a CUDA device";
  }
  const at::Device device(at::kCUDA, 0);
  at::Tensor host = at::arange(1 << 20, at::kInt);
  const at::Tensor first = upload(host, device);
  host.zero_();  // what was asked for is what arrives
  EXPECT_TRUE(first.cpu().equal(at::arange(1 << 20, at::kInt)));
}

}  // namespace
}  // namespace retina::tensor
