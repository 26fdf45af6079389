#include "retina/augment/gauss_noise.h"

#include <vector>

#include "retina/augment/photometry.h"
#include "retina/tensor/upload.h"

namespace retina::augment {

namespace {

/// z >> bits of the unsigned value: tensors only have signed 64-bit integers.
at::Tensor shift_right(const at::Tensor& z, int bits) {
  return z.bitwise_right_shift(bits).bitwise_and((std::int64_t{1} << (64 - bits)) - 1);
}

std::int64_t as_signed(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

/// noise_word of photometry.h for words 0 .. count-1 of each seed; products wrap.
at::Tensor noise_words(std::span<const std::uint64_t> seeds, std::int64_t count,
                       const at::Device& device) {
  std::vector<std::int64_t> signed_seeds(seeds.begin(), seeds.end());
  const at::Tensor counter = at::arange(1, count + 1, at::TensorOptions(at::kLong).device(device));
  at::Tensor z = tensor::upload(at::tensor(signed_seeds, at::kLong), device).unsqueeze(1) +
                 counter.unsqueeze(0) * as_signed(0x9E3779B97F4A7C15ULL);
  z = z.bitwise_xor(shift_right(z, 30)) * as_signed(0xBF58476D1CE4E5B9ULL);
  z = z.bitwise_xor(shift_right(z, 27)) * as_signed(0x94D049BB133111EBULL);
  return z.bitwise_xor(shift_right(z, 31));
}

}  // namespace

at::Tensor standard_normal(std::span<const std::uint64_t> seeds, std::int64_t height,
                           std::int64_t width, const at::Device& device) {
  const auto planes = static_cast<std::int64_t>(seeds.size());
  const at::Tensor words = noise_words(seeds, (height * width + 3) / 4, device);
  const at::Tensor shifts = at::arange(0, 64, 16, at::TensorOptions(at::kLong).device(device));
  const at::Tensor index = words.unsqueeze(2).bitwise_right_shift(shifts).bitwise_and(0xFFFF);
  const std::span<const float> quantiles = normal_quantiles();
  const at::Tensor table =
      tensor::upload(at::tensor(at::ArrayRef<float>(quantiles.data(), quantiles.size())), device);
  return table.index({index.reshape({planes, -1}).narrow(1, 0, height * width)})
      .view({planes, height, width});
}

at::Tensor add_noise(const at::Tensor& images_NYX, const at::Tensor& noise_NYX) {
  return (images_NYX.to(at::kFloat) + noise_NYX).clamp(0, 255).to(at::kByte);
}

}  // namespace retina::augment
