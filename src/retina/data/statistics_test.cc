#include "retina/data/statistics.h"

#include <cmath>

#include <gtest/gtest.h>

#include "retina/data/memory_dataset.h"

namespace retina::data {
namespace {

TEST(Statistics, MeanAndStdAreOfPixelsOver255) {
  const Statistics s = measure(*memory_dataset(3, 4), 100, 0);  // grey values 0, 1, 2
  EXPECT_EQ(s.planes, 3);
  EXPECT_NEAR(s.mean(), 1.0 / 255, 1e-12);
  EXPECT_NEAR(s.std(), std::sqrt(2.0 / 3) / 255, 1e-12);
}

TEST(Statistics, SharesLeaveOutUnknownPixels) {
  LabelledPlane plane{.image = core::Array(core::DType::u8, 1, {1, 1, 4}),
                      .labels = core::Array(core::DType::u8, 1, {1, 1, 4})};
  const auto labels = plane.labels.values<std::uint8_t>();
  labels[1] = 1;
  labels[2] = labels[3] = kIgnore;
  Statistics s;
  s.add_plane(plane);
  EXPECT_EQ(s.class_shares(2), (std::vector<double>{0.5, 0.5}));
  EXPECT_EQ(s.empty_planes, 0);
}

TEST(Statistics, PlanesWithoutForegroundAreCounted) {
  LabelledPlane plane{.image = core::Array(core::DType::u8, 1, {1, 2, 2}),
                      .labels = core::Array(core::DType::u8, 1, {1, 2, 2})};
  Statistics s;
  s.add_plane(plane);
  EXPECT_EQ(s.empty_planes, 1);
}

TEST(Statistics, PixelsThatAreNotFiniteAddUp) {
  const LabelledPlane plane{
      .image = core::Array(core::DType::u8, 1, {1, 2, 2}), .labels = {}, .non_finite = 3};
  Statistics s;
  s.add_plane(plane);
  s.add_plane(plane);
  EXPECT_EQ(s.non_finite, 6);
}

TEST(Statistics, APlaneThatIsListedOftenCountsOnce) {
  Dataset repeated = *memory_dataset(3, 4);
  repeated.slices.insert(repeated.slices.begin(), 5, repeated.slices.front());
  const Statistics s = measure(repeated, 100, 0);
  EXPECT_EQ(s.planes, 3);
  EXPECT_NEAR(s.mean(), 1.0 / 255, 1e-12);
}

TEST(Statistics, LargeDatasetIsSampled) {
  EXPECT_EQ(measure(*memory_dataset(9, 4), 4, 0).planes, 4);
}

}  // namespace
}  // namespace retina::data
