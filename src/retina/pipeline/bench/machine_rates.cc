#include "retina/pipeline/bench/machine_rates.h"

#include <ATen/ATen.h>

#include "retina/pipeline/bench/bench_timer.h"

namespace retina::pipeline {

double convolution_gflops(const at::Device& device, at::ScalarType dtype) {
  const std::int64_t batch = device.is_cuda() ? 512 : 4;  // well over the cost of asking
  constexpr std::int64_t kChannels = 256;
  constexpr std::int64_t kSide = 14;
  const auto options = at::TensorOptions().device(device).dtype(dtype);
  const at::Tensor input_NCYX = at::randn({batch, kChannels, kSide, kSide}, options)
                                    .contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor kernel =
      at::randn({kChannels, kChannels, 3, 3}, options).contiguous(at::MemoryFormat::ChannelsLast);
  const double flops = 2.0 * static_cast<double>(batch * kChannels * kChannels * kSide * kSide * 9);
  const Timing timing =
      BenchTimer(device, 0.5).time([&] { at::conv2d(input_NCYX, kernel, {}, 1, 1); });
  return flops / timing.best_s / 1e9;
}

double matrix_gflops(const at::Device& device, at::ScalarType dtype, double seconds) {
  const std::int64_t side = device.is_cuda() ? 8192 : 2048;
  const auto options = at::TensorOptions().device(device).dtype(dtype);
  const at::Tensor left = at::randn({side, side}, options);
  const at::Tensor right = at::randn({side, side}, options);
  at::Tensor product = at::empty({side, side}, options);
  const Timing timing = BenchTimer(device, seconds).time([&] { at::mm_out(product, left, right); });
  const auto n = static_cast<double>(side);
  return 2 * n * n * n / timing.best_s / 1e9;
}

double copy_gbs(const at::Device& device, double seconds) {
  const std::int64_t bytes = std::int64_t{device.is_cuda() ? 2048 : 256} << 20;
  const auto options = at::TensorOptions().device(device).dtype(at::kFloat);
  const at::Tensor source = at::ones({bytes / 4}, options);
  const at::Tensor target = at::zeros({bytes / 4}, options);
  const Timing timing = BenchTimer(device, seconds).time([&] { target.copy_(source); });
  return 2 * static_cast<double>(bytes) / timing.best_s / 1e9;
}

}  // namespace retina::pipeline
