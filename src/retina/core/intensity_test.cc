#include "retina/core/intensity.h"

#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "retina/core/error.h"

namespace retina::core {
namespace {

Array ramp(const Vec3& shape) {
  Array values(DType::u16, 1, shape);
  std::uint16_t next = 0;
  for (std::uint16_t& v : values.values<std::uint16_t>()) {
    v = next++;
  }
  return values;
}

TEST(Intensity, BytesAreLeftAlone) {
  const auto volume = in_memory(Array(DType::u8, 1, {1, 4, 4}));
  EXPECT_EQ(estimate_range(*volume, 1), IntensityRange{});
  EXPECT_EQ(to_uint8(volume->array(), {}), volume->array());
}

TEST(Intensity, RangeIsThePercentilesOfASmallVolume) {
  const auto volume = in_memory(ramp({1, 100, 100}));
  const IntensityRange range = estimate_range(*volume, 1);
  EXPECT_NEAR(range.low, 10, 1);
  EXPECT_NEAR(range.high, 9989, 2);
}

TEST(Intensity, SampleOfALargeVolumeIsSeeded) {
  const auto volume = in_memory(ramp({20, 256, 256}));
  EXPECT_EQ(estimate_range(*volume, 5), estimate_range(*volume, 5));
}

TEST(Intensity, TheSampleIsTheWholeOfASmallVolumeAndBlocksOfALargeOne) {
  const auto sizes_of = [](const Vec3& shape) {
    std::vector<std::int64_t> sizes;
    visit_sample(*in_memory(ramp(shape)), 5,
                 [&](const Array& values) { sizes.push_back(values.elements()); });
    return sizes;
  };
  EXPECT_EQ(sizes_of({2, 100, 100}), (std::vector<std::int64_t>{20000}));
  EXPECT_EQ(sizes_of({40, 100, 100}), std::vector<std::int64_t>(64, 64 * 64));
}

TEST(Intensity, MapIsLinearRoundedAndClamped) {
  Array values(DType::f32, 1, {1, 1, 4});
  const auto in = values.values<float>();
  in[0] = -10;
  in[1] = 0.5F;
  in[2] = 99;
  in[3] = std::numeric_limits<float>::quiet_NaN();
  const Array mapped = to_uint8(values, {0, 1});
  const auto out = mapped.values<std::uint8_t>();
  EXPECT_EQ(out[0], 0);
  EXPECT_EQ(out[1], 128);
  EXPECT_EQ(out[2], 255);
  EXPECT_EQ(out[3], 0);
}

TEST(Intensity, NothingFiniteIsRefused) {
  Array values(DType::f32, 1, {1, 2, 2});
  for (float& v : values.values<float>()) {
    v = std::numeric_limits<float>::infinity();
  }
  EXPECT_THROW(estimate_range(*in_memory(std::move(values)), 1), Error);
}

}  // namespace
}  // namespace retina::core
