#include "retina/phantom/imaging.h"

#include <numeric>

#include <gtest/gtest.h>

namespace retina::phantom {
namespace {

using core::Box3;

ImagingOptions perfect_imaging() {
  ImagingOptions options;
  options.blur_nm = options.texture = options.gaussian_noise = options.shot_noise = 0;
  options.drift = options.section_jitter_nm = options.section_contrast = 0;
  options.artefacts = {.knife_mark = 0, .fold = 0, .exposure = 0, .precipitate = 0};
  return options;
}

std::size_t with_halo(const Box3& box, const Microscope& microscope) {
  const core::Vec3& h = microscope.halo();
  return static_cast<std::size_t>((box.shape[0] + 2 * h[0]) * (box.shape[1] + 2 * h[1]) *
                                  (box.shape[2] + 2 * h[2]));
}

TEST(Microscope, PerfectImagingKeepsTheGreyValue) {
  const Microscope microscope(1, {8, 8, 8}, perfect_imaging());
  const Box3 box{{2, 3, 4}, {2, 2, 2}};
  EXPECT_EQ(microscope.halo(), (core::Vec3{0, 0, 0}));
  EXPECT_EQ(microscope.expose(box, std::vector<float>(8, 99.0F)), std::vector<std::uint8_t>(8, 99));
}

TEST(Microscope, BlurSpreadsAPointAndKeepsItsLight) {
  ImagingOptions options = perfect_imaging();
  options.blur_nm = 8;
  const Microscope microscope(1, {8, 8, 8}, options);
  const Box3 box{{0, 0, 0}, {9, 9, 9}};
  const auto side = static_cast<std::size_t>(9 + 2 * microscope.halo()[0]);
  std::vector<float> tissue(side * side * side, 0.0F);
  tissue[(side / 2 * side + side / 2) * side + side / 2] = 3000.0F;
  const std::vector<std::uint8_t> image = microscope.expose(box, tissue);
  EXPECT_GT(image[364], image[365]);
  EXPECT_EQ(image[365], image[363]);
  EXPECT_NEAR(std::accumulate(image.begin(), image.end(), 0.0), 3000.0, 100.0);
}

TEST(Microscope, ThickSectionsAreNotBlurredIntoEachOther) {
  EXPECT_EQ(Microscope(1, {50, 8, 8}, ImagingOptions{}).halo()[0], 0);
}

TEST(Microscope, NoiseHasTheAskedDeviation) {
  ImagingOptions options = perfect_imaging();
  options.gaussian_noise = 10;
  const Microscope microscope(1, {8, 8, 8}, options);
  const Box3 box{{0, 0, 0}, {1, 200, 200}};
  double squares = 0;
  for (const std::uint8_t v : microscope.expose(box, std::vector<float>(40000, 128.0F))) {
    squares += (v - 128.0) * (v - 128.0);
  }
  EXPECT_NEAR(std::sqrt(squares / 40000), 10, 0.3);
}

TEST(Microscope, BrighterPlacesHaveMoreShotNoise) {
  ImagingOptions options = perfect_imaging();
  options.shot_noise = 1;
  const Microscope microscope(1, {8, 8, 8}, options);
  const auto variance = [&](float grey) {
    double squares = 0;
    for (const auto v :
         microscope.expose({{0, 0, 0}, {1, 100, 100}}, std::vector<float>(10000, grey))) {
      squares += (v - static_cast<double>(grey)) * (v - static_cast<double>(grey));
    }
    return squares / 10000;
  };
  EXPECT_NEAR(variance(40), 40, 6);
  EXPECT_NEAR(variance(160), 160, 20);
}

TEST(Microscope, ShiftsStayWithinTheLongest) {
  ImagingOptions options;
  options.section_jitter_nm = 20;
  const Microscope microscope(1, {8, 8, 8}, options);
  const SectionShift longest = microscope.longest_shift();
  bool moved = false;
  for (std::int64_t z = -50; z < 50; ++z) {
    const SectionShift shift = microscope.shift(z);
    EXPECT_LE(std::abs(shift.y), longest.y);
    EXPECT_LE(std::abs(shift.x), longest.x);
    moved = moved || shift.y != 0;
  }
  EXPECT_TRUE(moved);
}

TEST(Microscope, ImageOfAPartEqualsThePartOfTheImage) {
  const Microscope microscope(1, {8, 8, 8}, ImagingOptions{});
  const Box3 large{{0, 0, 0}, {4, 30, 30}};
  const Box3 small{{1, 5, 7}, {2, 9, 11}};
  const auto whole =
      microscope.expose(large, std::vector<float>(with_halo(large, microscope), 150));
  const auto part = microscope.expose(small, std::vector<float>(with_halo(small, microscope), 150));
  EXPECT_EQ(part.front(), whole[(1 * 30 + 5) * 30 + 7]);
  EXPECT_EQ(part.back(), whole[(2 * 30 + 13) * 30 + 17]);
}

TEST(ImagingOptions, ReportsAllProblems) {
  ImagingOptions options;
  options.blur_nm = -1;
  options.artefacts.fold = 2;
  EXPECT_EQ(options.validate().size(), 2U);
}

}  // namespace
}  // namespace retina::phantom
