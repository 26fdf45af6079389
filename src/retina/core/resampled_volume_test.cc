#include "retina/core/resampled_volume.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "retina/core/rng.h"

namespace retina::core {
namespace {

Array noise_to_resample(const Vec3& shape, std::uint64_t seed, int channels = 1) {
  Array values(DType::u8, channels, shape);
  Rng rng(seed);
  for (auto& value : values.values<std::uint8_t>()) {
    value = static_cast<std::uint8_t>(rng.integer(0, 255));
  }
  return values;
}

Array resample(Array values, const Vec3& shape, Resampling how) {
  const ResampledVolume volume(in_memory(std::move(values)), shape, how);
  return volume.read(whole(shape));
}

Vec3 random_shape(Rng& rng, std::int64_t most) {
  return {rng.integer(1, most), rng.integer(1, most), rng.integer(1, most)};
}

TEST(ResampledVolume, AConstantStaysConstant) {
  Rng rng(1);
  for (int i = 0; i < 40; ++i) {
    Array values(DType::u16, 1, random_shape(rng, 9));
    std::ranges::fill(values.values<std::uint16_t>(), std::uint16_t{54'321});
    for (const auto how : {Resampling::smooth, Resampling::nearest}) {
      const Array result = resample(values, random_shape(rng, 15), how);
      const auto found = result.values<std::uint16_t>();
      EXPECT_TRUE(std::ranges::all_of(found, [](std::uint16_t v) { return v == 54'321; }));
    }
  }
}

TEST(ResampledVolume, TheSameShapeIsTheIdentity) {
  const Array values = noise_to_resample({4, 9, 11}, 2, 2);
  EXPECT_EQ(resample(values, {4, 9, 11}, Resampling::smooth), values);
  EXPECT_EQ(resample(values, {4, 9, 11}, Resampling::nearest), values);
}

TEST(ResampledVolume, AnyBlockReadsTheVoxelsOfTheWhole) {
  Rng rng(3);
  for (std::uint64_t i = 0; i < 60; ++i) {
    const Vec3 shape = random_shape(rng, 17);
    const auto how = i % 2 == 0 ? Resampling::smooth : Resampling::nearest;
    const ResampledVolume volume(in_memory(noise_to_resample(random_shape(rng, 13), i, 2)), shape,
                                 how);
    const Array all = volume.read(whole(shape));
    Box3 box;
    for (std::size_t a = 0; a < 3; ++a) {
      box.start[a] = rng.integer(0, shape[a] - 1);
      box.shape[a] = rng.integer(1, shape[a] - box.start[a]);
    }
    Array expected(DType::u8, 2, box.shape);
    copy_overlap(all, {0, 0, 0}, expected, box.start);
    ASSERT_EQ(volume.read(box), expected) << to_string(box);
  }
}

TEST(ResampledVolume, ABlockThatIsReadInPartsIsTheSame) {
  const ResampledVolume volume(in_memory(noise_to_resample({3, 2000, 1500}, 4)), {2, 700, 611},
                               Resampling::smooth);
  const Array all = volume.read(whole(volume.shape()));  // 9 million source voxels: several parts
  const Box3 box{{1, 340, 300}, {1, 31, 17}};
  Array expected(DType::u8, 1, box.shape);
  copy_overlap(all, {0, 0, 0}, expected, box.start);
  EXPECT_EQ(volume.read(box), expected);
}

TEST(ResampledVolume, ShrinkingTakesTheMeanOverTheArea) {
  Array values(DType::f32, 1, {1, 2, 3});
  const auto in = values.values<float>();
  std::iota(in.begin(), in.end(), 0.0F);  // 0 1 2 / 3 4 5
  const Array halves = resample(values, {1, 1, 2}, Resampling::smooth);
  // voxels of 1.5 columns: (0 + 0.5 * 1) / 1.5 of both rows, and (0.5 * 1 + 2) / 1.5
  EXPECT_FLOAT_EQ(halves.values<float>()[0], (0.5F + 5.0F) / 3);
  EXPECT_FLOAT_EQ(halves.values<float>()[1], (2.5F + 7.0F) / 3);
}

TEST(ResampledVolume, GrowingIsLinearBetweenCentres) {
  Array values(DType::f32, 1, {1, 1, 2});
  values.values<float>()[1] = 8;
  const Array grown = resample(values, {1, 1, 4}, Resampling::smooth);
  const auto found = grown.values<float>();
  EXPECT_EQ(std::vector<float>(found.begin(), found.end()), (std::vector<float>{0, 2, 6, 8}));
}

TEST(ResampledVolume, LabelsAreThoseOfTheVoxelAtTheCentre) {
  Array labels(DType::u8, 1, {1, 1, 3});
  std::iota(labels.values<std::uint8_t>().begin(), labels.values<std::uint8_t>().end(),
            std::uint8_t{1});
  const Array grown = resample(labels, {1, 1, 6}, Resampling::nearest);
  const auto found = grown.values<std::uint8_t>();
  EXPECT_EQ(std::vector<int>(found.begin(), found.end()), (std::vector<int>{1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(resample(grown, {1, 1, 3}, Resampling::nearest), labels);
}

TEST(ResampledVolume, ShrinkingAndGrowingKeepTheMean) {
  const Array values = noise_to_resample({6, 40, 44}, 5);
  const auto mean = [](const Array& array) {
    const auto v = array.values<std::uint8_t>();
    return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
  };
  EXPECT_NEAR(mean(resample(values, {2, 17, 13}, Resampling::smooth)), mean(values), 0.1);
}

TEST(ResampledVolume, SaysItsVoxelSizeAndShape) {
  EXPECT_EQ(resampled_shape({10, 100, 100}, {40, 4, 4}, {40, 8, 6}), (Vec3{10, 50, 67}));
  EXPECT_EQ(resampled_shape({1, 3, 3}, {1, 1, 1}, {50, 9, 9}), (Vec3{1, 1, 1}));
  const ResampledVolume volume(in_memory(noise_to_resample({4, 8, 8}, 6), Vec3d{40, 4, 4}),
                               {4, 4, 16}, Resampling::smooth);
  EXPECT_EQ(volume.info().voxel_nm, (Vec3d{40, 8, 2}));
}

}  // namespace
}  // namespace retina::core
