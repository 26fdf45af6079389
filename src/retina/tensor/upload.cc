#include "retina/tensor/upload.h"

#include <ATen/ATen.h>

namespace retina::tensor {

at::Tensor upload(const at::Tensor& host, const at::Device& device) {
  constexpr std::size_t kMostPinned = std::size_t{64} << 20;  // such memory is never given back
  if (!device.is_cuda() || !host.is_cpu() || host.nbytes() > kMostPinned) {
    return host.to(device);
  }
  return host.pin_memory().to(device, /*non_blocking=*/true);
}

}  // namespace retina::tensor
