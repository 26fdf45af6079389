#include "retina/store/downsample.h"

#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace retina::store {
namespace {

core::Array row_of(std::vector<std::uint8_t> values) {
  core::Array row(core::DType::u8, 1, {1, 1, static_cast<std::int64_t>(values.size())});
  std::copy(values.begin(), values.end(), row.values<std::uint8_t>().begin());
  return row;
}

TEST(Downsample, MeanRoundsHalfUp) {
  const core::Array out = downsample(row_of({1, 2, 3, 3, 255, 255, 9}), {1, 1, 2}, Reduction::mean);
  EXPECT_THAT(out.values<std::uint8_t>(), ::testing::ElementsAre(2, 3, 255, 9));
}

TEST(Downsample, ModeTakesTheMostFrequent) {
  core::Array block(core::DType::u8, 1, {1, 2, 4});
  const std::vector<std::uint8_t> values{5, 5, 9, 0,  //
                                         5, 1, 0, 9};
  std::copy(values.begin(), values.end(), block.values<std::uint8_t>().begin());
  EXPECT_THAT(downsample(block, {1, 2, 2}, Reduction::mode).values<std::uint8_t>(),
              ::testing::ElementsAre(5, 0));
}

TEST(Downsample, TheFirstCellMayLackVoxels) {
  const core::Array out =
      downsample(row_of({9, 1, 3, 5, 7, 8}), {1, 1, 2}, Reduction::mean, {0, 0, 1});
  EXPECT_THAT(out.values<std::uint8_t>(), ::testing::ElementsAre(9, 2, 6, 8));
}

TEST(Downsample, LargeIntegersStayExact) {
  core::Array block(core::DType::u64, 1, {1, 1, 2});
  block.values<std::uint64_t>()[0] = (std::uint64_t{1} << 62) + 1;
  block.values<std::uint64_t>()[1] = (std::uint64_t{1} << 62) + 3;
  EXPECT_EQ(downsample(block, {1, 1, 2}, Reduction::mean).values<std::uint64_t>()[0],
            (std::uint64_t{1} << 62) + 2);
}

TEST(Downsample, NegativeMeansRoundUpToo) {
  core::Array block(core::DType::i16, 1, {1, 1, 2});
  block.values<std::int16_t>()[0] = -3;
  EXPECT_EQ(downsample(block, {1, 1, 2}, Reduction::mean).values<std::int16_t>()[0], -1);
}

TEST(Downsample, LargeChunksAreMadeInPieces) {
  EXPECT_EQ(reduced_at_once({64, 64, 64}, {2, 2, 2}, {64, 64, 64}, 8), (core::Vec3{64, 64, 64}));
  EXPECT_EQ(reduced_at_once({256, 512, 512}, {2, 2, 2}, {256, 512, 512}, 1),
            (core::Vec3{128, 256, 256}));
  EXPECT_EQ(reduced_at_once({256, 512, 512}, {1, 2, 2}, {256, 511, 700}, 1),
            (core::Vec3{256, 256, 350}));
  EXPECT_EQ(reduced_at_once({64, 96, 96}, {2, 2, 2}, {640, 960, 960}, 64),
            (core::Vec3{64, 96, 96}));
}

TEST(Pyramid, AnisotropicVolumesFirstShrinkInPlane) {
  const auto steps = pyramid_steps({100, 1024, 1024}, core::Vec3d{40, 10, 10}, 3);
  EXPECT_THAT(
      steps, ::testing::ElementsAre(core::Vec3{1, 2, 2}, core::Vec3{1, 2, 2}, core::Vec3{2, 2, 2}));
}

TEST(Pyramid, AutomaticDepthEndsBelow64) {
  EXPECT_EQ(pyramid_steps({256, 256, 256}, std::nullopt, -1).size(), 3U);
  EXPECT_EQ(pyramid_steps({1, 100, 100}, std::nullopt, -1).size(), 1U);
  EXPECT_TRUE(pyramid_steps({1, 1, 1}, std::nullopt, 5).empty());
}

}  // namespace
}  // namespace retina::store
