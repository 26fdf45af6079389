#include "retina/core/intensity.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "retina/core/error.h"
#include "retina/core/narrowing.h"
#include "retina/core/rng.h"

namespace retina::core {
namespace {

constexpr std::int64_t kSampleBlocks = 64;
constexpr Vec3 kBlockShape{1, 64, 64};

Box3 random_block(const Vec3& shape, Rng& rng) {
  Box3 box;
  for (std::size_t a = 0; a < 3; ++a) {
    box.shape[a] = std::min(shape[a], kBlockShape[a]);
    box.start[a] = rng.integer(0, shape[a] - box.shape[a]);
  }
  return box;
}

void append_finite(const Array& values, std::vector<double>& out) {
  dispatch(values.dtype(), [&](auto zero) {
    for (const auto v : values.values<decltype(zero)>()) {
      if (std::isfinite(static_cast<double>(v))) {
        out.push_back(static_cast<double>(v));
      }
    }
  });
}

double percentile(std::vector<double>& values, double share) {
  const auto rank = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<std::size_t>(rank)];
}

}  // namespace

void visit_sample(const Volume& volume, std::uint64_t seed,
                  const std::function<void(const Array&)>& visit) {
  const Vec3& shape = volume.shape();
  if (whole(shape).voxels() <= kSampleBlocks * whole(kBlockShape).voxels()) {
    visit(volume.read(whole(shape)));
    return;
  }
  Rng rng({seed, 0x72616E6765U});  // "range": keeps this stream apart from others of the same seed
  for (std::int64_t i = 0; i < kSampleBlocks; ++i) {
    visit(volume.read(random_block(shape, rng)));
  }
}

IntensityRange estimate_range(const Volume& volume, std::uint64_t seed) {
  if (volume.info().dtype == DType::u8) {
    return {};
  }
  std::vector<double> sample;
  visit_sample(volume, seed, [&](const Array& values) { append_finite(values, sample); });
  if (sample.empty()) {
    throw Error(ErrorKind::bad_data,
                Problem{.subject = volume.info().source,
                        .found = "no finite values in the sample",
                        .expected = "image values",
                        .remedy = "give the range with --input-range low,high"});
  }
  IntensityRange range{percentile(sample, 0.001), percentile(sample, 0.999)};
  if (range.high <= range.low) {  // a constant image: any width keeps the map defined
    range.high = range.low + 1;
  }
  return range;
}

Array to_uint8(const Array& values, const IntensityRange& range) {
  if (values.dtype() == DType::u8 && range == IntensityRange{}) {
    return values;
  }
  return map_range(values, range, DType::u8);
}

}  // namespace retina::core
