#include "retina/store/image/interleave.h"

#include <algorithm>
#include <cstring>

namespace retina::store {

namespace {

struct Strides {
  std::size_t pixels;
  std::size_t channels;
  std::size_t size;  // of one value
};

}  // namespace

core::Array from_interleaved(std::span<const std::byte> pixels, core::DType dtype, int channels,
                             std::int64_t height, std::int64_t width) {
  core::Array image(dtype, channels, {1, height, width});
  if (channels == 1) {
    std::copy_n(pixels.begin(), image.bytes().size(), image.bytes().begin());
    return image;
  }
  const Strides n{static_cast<std::size_t>(height * width), static_cast<std::size_t>(channels),
                  core::size_of(dtype)};
  std::byte* out = image.bytes().data();
  for (std::size_t c = 0; c < n.channels; ++c) {
    for (std::size_t i = 0; i < n.pixels; ++i, out += n.size) {
      std::memcpy(out, pixels.data() + (i * n.channels + c) * n.size, n.size);
    }
  }
  return image;
}

std::vector<std::byte> to_interleaved(const core::Array& values, std::int64_t z) {
  const core::Vec3& shape = values.shape();
  const Strides n{static_cast<std::size_t>(shape[1] * shape[2]),
                  static_cast<std::size_t>(values.channels()), core::size_of(values.dtype())};
  std::vector<std::byte> pixels(n.pixels * n.channels * n.size);
  for (std::size_t c = 0; c < n.channels; ++c) {
    const std::size_t plane = c * static_cast<std::size_t>(shape[0]) + static_cast<std::size_t>(z);
    const std::byte* in = values.bytes().data() + plane * n.pixels * n.size;
    if (n.channels == 1) {
      std::copy_n(in, pixels.size(), pixels.begin());
      break;
    }
    for (std::size_t i = 0; i < n.pixels; ++i, in += n.size) {
      std::memcpy(pixels.data() + (i * n.channels + c) * n.size, in, n.size);
    }
  }
  return pixels;
}

}  // namespace retina::store
