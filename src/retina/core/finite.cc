#include "retina/core/finite.h"

#include <algorithm>
#include <cmath>

#include "retina/core/rng.h"

namespace retina::core {

namespace {

constexpr std::int64_t kBlocks = 64;
constexpr Vec3 kBlockShape{1, 64, 64};
constexpr std::uint64_t kStream = 0x66696E;  // "fin": keeps this stream apart from others

}  // namespace

FiniteSample sample_finite(const Volume& volume, std::uint64_t seed) {
  FiniteSample sample;
  if (is_integer(volume.info().dtype)) {
    return sample;
  }
  Rng rng({seed, kStream});
  for (std::int64_t i = 0; i < kBlocks; ++i) {
    Box3 box;
    for (std::size_t a = 0; a < 3; ++a) {
      box.shape[a] = std::min(volume.shape()[a], kBlockShape[a]);
      box.start[a] = rng.integer(0, volume.shape()[a] - box.shape[a]);
    }
    const Array values = volume.read(box);
    dispatch(values.dtype(), [&](auto zero) {
      const auto all = values.values<decltype(zero)>();
      sample.values += static_cast<std::int64_t>(all.size());
      sample.non_finite += std::count_if(
          all.begin(), all.end(), [](auto v) { return !std::isfinite(static_cast<double>(v)); });
    });
  }
  return sample;
}

}  // namespace retina::core
