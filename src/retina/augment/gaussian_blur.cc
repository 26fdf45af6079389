#include "retina/augment/gaussian_blur.h"

#include <vector>

#include "retina/augment/geometry.h"
#include "retina/augment/photometry.h"
#include "retina/tensor/upload.h"

namespace retina::augment {

namespace {

constexpr int kTaps = 7;
constexpr int kShift = 6;  ///< weights are brought to 1/64

/// Weights i32 [N,7], centred, sum 64.
at::Tensor centred_weights(std::span<const int> sides) {
  std::vector<int> weights;
  for (const int side : sides) {
    const BlurKernel kernel = blur_kernel(side);
    const int skip = (kTaps - side) / 2;
    for (int tap = 0; tap < kTaps; ++tap) {
      const bool used = tap >= skip && tap < skip + side;
      weights.push_back(used ? kernel.weights[static_cast<std::size_t>(tap - skip)]
                                   << (kShift - kernel.shift)
                             : 0);
    }
  }
  return at::tensor(weights, at::kInt).view({-1, kTaps});
}

at::Tensor convolve(const at::Tensor& planes_NYX, int dimension, const at::Tensor& weights_NK) {
  const std::int64_t count = planes_NYX.size(dimension);
  std::vector<std::int64_t> index;
  for (std::int64_t i = -kTaps / 2; i < count + kTaps / 2; ++i) {
    index.push_back(reflect_101(i, count));
  }
  const at::Tensor padded = planes_NYX.index_select(
      dimension, tensor::upload(at::tensor(index, at::kLong), planes_NYX.device()));
  at::Tensor sum = at::zeros_like(planes_NYX);
  for (int tap = 0; tap < kTaps; ++tap) {
    sum += padded.narrow(dimension, tap, count) * weights_NK.select(1, tap).view({-1, 1, 1});
  }
  return sum;
}

}  // namespace

at::Tensor gaussian_blur(const at::Tensor& images_NYX, std::span<const int> sides) {
  const at::Tensor weights_NK = tensor::upload(centred_weights(sides), images_NYX.device());
  const at::Tensor sum = convolve(convolve(images_NYX.to(at::kInt), 2, weights_NK), 1, weights_NK);
  return (sum + (1 << (2 * kShift - 1))).bitwise_right_shift(2 * kShift).to(at::kByte);
}

}  // namespace retina::augment
