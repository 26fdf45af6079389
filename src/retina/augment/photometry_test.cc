#include "retina/augment/photometry.h"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

namespace retina::augment {
namespace {

TEST(Photometry, DefaultsChangeNoGreyValue) {
  for (const IntensityUnit unit : {IntensityUnit::full_range, IntensityUnit::std}) {
    const GreyTable table = grey_table(Photometry{}, unit, {.mean = 0.4, .std = 0.2});
    for (std::size_t v = 0; v < table.size(); ++v) {
      EXPECT_EQ(table[v], v);
    }
  }
}

TEST(Photometry, ContrastInStdUnitsKeepsTheMean) {
  const GreyTable table =
      grey_table({.contrast = 0.5}, IntensityUnit::std, {.mean = 100.0 / 255, .std = 0.2});
  EXPECT_EQ(table[100], 100);
  EXPECT_EQ(table[200], 150);
}

TEST(Photometry, QuantilesAreStandardNormal) {
  const auto q = normal_quantiles();
  ASSERT_EQ(q.size(), 65536U);
  double square = 0;
  for (const float v : q) {
    square += static_cast<double>(v) * static_cast<double>(v) / static_cast<double>(q.size());
  }
  EXPECT_NEAR(square, 1, 1e-6);
  EXPECT_EQ(q[0], -q[65535]);
  EXPECT_NEAR(q[55138], 1.0, 1e-3);   // Phi(1) = 0.841345
  EXPECT_NEAR(q[63897], 1.96, 1e-3);  // Phi(1.96) = 0.975002
}

TEST(Photometry, NoiseWordsSpreadOverTheQuantiles) {
  const auto q = normal_quantiles();
  double sum = 0;
  double square = 0;
  constexpr int kWords = 50000;
  for (std::uint64_t i = 0; i < kWords; ++i) {
    const std::uint64_t word = noise_word(1234, i);
    for (int part = 0; part < 4; ++part) {
      const double v = q[(word >> (16 * part)) & 0xFFFF];
      sum += v;
      square += v * v;
    }
  }
  constexpr double kCount = 4.0 * kWords;
  EXPECT_NEAR(sum / kCount, 0, 5 / std::sqrt(kCount));  // 5 standard errors: false alarm 6e-7
  EXPECT_NEAR(square / kCount, 1, 5 * std::sqrt(2 / kCount));
}

TEST(Photometry, NoiseSigmaFollowsItsUnit) {
  const Photometry p{.noise_sigma = 0.5};
  EXPECT_FLOAT_EQ(noise_sigma_levels(p, IntensityUnit::full_range, {.mean = 0.5, .std = 0.2}),
                  0.5F);
  EXPECT_FLOAT_EQ(noise_sigma_levels(p, IntensityUnit::std, {.mean = 0.5, .std = 0.2}), 25.5F);
}

}  // namespace
}  // namespace retina::augment
