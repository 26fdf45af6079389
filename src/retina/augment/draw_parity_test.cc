#include <algorithm>
#include <cmath>
#include <limits>
#include <regex>

#include <gtest/gtest.h>

#include "retina/augment/geometry.h"
#include "retina/augment/photometry.h"
#include "retina/core/file.h"
#include "retina/testing/fixtures.h"

// Distribution tests against parity/retina/augment/draw_statistics.json. Every comparison allows
// kSigmas standard errors of the difference of two samples: a false alarm in 1.7 million
// comparisons, and the draws here are seeded, so it does not come and go.
namespace retina::augment {
namespace {

constexpr double kSigmas = 5;
constexpr int kDraws = 20000;
constexpr double kFixtureDraws = 20000;  // parity README: quantiles of 20000 parameter draws
constexpr double kStated = std::numeric_limits<double>::infinity();  // a probability, not a share
constexpr double kFixtureFields =
    2000;  // standard deviations of noise are of drawn noise fields, which are fewer

std::filesystem::path draw_fixture() {
  return testing::parity_root() / "retina" / "augment" / "draw_statistics.json";
}

/// `count` of kDraws of ours against a share of `recorded_draws`.
void expect_same_share(int count, double recorded, double recorded_draws, const std::string& what) {
  const double spread = recorded * (1 - recorded) * (1.0 / kDraws + 1 / recorded_draws);
  EXPECT_NEAR(count / static_cast<double>(kDraws), recorded, kSigmas * std::sqrt(spread)) << what;
}

/// Compares mean, quantiles and range of our draws with the recorded ones.
void expect_same_distribution(const Json& recorded, std::vector<double> ours,
                              double recorded_draws) {
  std::sort(ours.begin(), ours.end());
  const auto n = static_cast<double>(ours.size());
  const double spread = 1 / n + 1 / recorded_draws;
  for (const auto& [key, share] : {std::pair{"q10", 0.1}, {"median", 0.5}, {"q90", 0.9}}) {
    const double value = recorded.at(key);
    const double below =
        static_cast<double>(std::lower_bound(ours.begin(), ours.end(), value) - ours.begin()) / n;
    const double upto =
        static_cast<double>(std::upper_bound(ours.begin(), ours.end(), value) - ours.begin()) / n;
    const double tolerance = kSigmas * std::sqrt(share * (1 - share) * spread);
    EXPECT_LE(below, share + tolerance) << key;
    EXPECT_GE(upto, share - tolerance) << key;
  }
  double mean = 0;
  double variance = 0;
  for (const double v : ours) {
    mean += v / n;
  }
  for (const double v : ours) {
    variance += (v - mean) * (v - mean) / n;
  }
  EXPECT_NEAR(mean, recorded.at("mean").get<double>(), kSigmas * std::sqrt(variance * spread));
  const double range = recorded.at("max").get<double>() - recorded.at("min").get<double>();
  EXPECT_NEAR(ours.front(), recorded.at("min").get<double>(), 0.05 * range);
  EXPECT_NEAR(ours.back(), recorded.at("max").get<double>(), 0.05 * range);
}

TEST(AugmentDrawParity, augment_resized_crops) {
  RETINA_SKIP_WITHOUT(draw_fixture());
  const Json recorded = core::read_json(draw_fixture());
  const std::regex shape_in_name("random_resized_crop_([0-9]+)x([0-9]+)");
  for (const auto& [name, statistics] : recorded.items()) {
    std::smatch shape;
    if (!std::regex_match(name, shape, shape_in_name)) {
      continue;
    }
    const std::int64_t height = std::stoll(shape[1]);
    const std::int64_t width = std::stoll(shape[2]);
    std::map<std::string, std::vector<double>> draws;
    for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
      const Crop crop = draw_resized_crop({}, seed, height, width);
      const auto h = static_cast<double>(crop.height);
      const auto w = static_cast<double>(crop.width);
      draws["height"].push_back(h);
      draws["width"].push_back(w);
      draws["area_fraction"].push_back(h * w / static_cast<double>(height * width));
      draws["aspect_w_over_h"].push_back(w / h);
    }
    for (const auto& [key, values] : draws) {
      SCOPED_TRACE(name + " " + key);
      expect_same_distribution(statistics[key], values, kFixtureDraws);
    }
  }
}

TEST(AugmentDrawParity, augment_rotation_angles) {
  RETINA_SKIP_WITHOUT(draw_fixture());
  const Json recorded = core::read_json(draw_fixture());
  for (const double limit : {90.0, 180.0}) {
    const std::string name = "rotate_limit_" + std::to_string(static_cast<int>(limit));
    Recipe recipe;
    recipe.rotate_limit = limit;
    recipe.rotate_probability = 1;
    std::vector<double> angles;
    for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
      angles.push_back(draw_geometry(recipe, seed, {1, 224, 224}, std::nullopt).angle);
    }
    SCOPED_TRACE(name);
    expect_same_distribution(recorded[name], angles, kFixtureDraws);
  }
}

TEST(AugmentDrawParity, augment_grey_values) {
  RETINA_SKIP_WITHOUT(draw_fixture());
  const Json recorded = core::read_json(draw_fixture());
  Recipe recipe;
  recipe.brightness_contrast_probability = recipe.noise_probability = recipe.blur_probability = 1;
  std::vector<double> alpha, beta, sigma;
  std::map<std::string, int> sides;
  for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
    const Photometry p = draw_photometry(recipe, seed);
    alpha.push_back(p.contrast);
    beta.push_back(p.brightness);
    sigma.push_back(p.noise_sigma);
    ++sides[std::to_string(p.blur_side)];
  }
  expect_same_distribution(recorded["brightness_contrast"]["alpha"], alpha, kFixtureDraws);
  expect_same_distribution(recorded["brightness_contrast"]["beta"], beta, kFixtureDraws);
  expect_same_distribution(recorded["gauss_noise_std"], sigma, kFixtureFields);
  for (const auto& [side, share] : recorded["gaussian_blur_kernel_share"].items()) {
    expect_same_share(sides[side], share, kFixtureDraws, "blur side " + side);
  }
}

TEST(AugmentDrawParity, augment_holes) {
  RETINA_SKIP_WITHOUT(draw_fixture());
  const Json recorded = core::read_json(draw_fixture())["coarse_dropout"];
  Recipe recipe = restoration_recipe();
  recipe.dropout_probability = 1;
  std::vector<double> counts, lefts, tops;
  for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
    const std::vector<Crop> holes = draw_photometry(recipe, seed).holes;
    counts.push_back(static_cast<double>(holes.size()));
    lefts.push_back(static_cast<double>(holes.front().x));  // holes of one draw are independent
    tops.push_back(static_cast<double>(holes.front().y));
    EXPECT_EQ(holes.back().width, recorded["size"][0][0].get<std::int64_t>());
    EXPECT_EQ(holes.back().height, recorded["size"][0][1].get<std::int64_t>());
  }
  expect_same_distribution(recorded["holes"], counts, kFixtureDraws);
  expect_same_distribution(recorded["x1"], lefts, kFixtureDraws);
  expect_same_distribution(recorded["x1"], tops, kFixtureDraws);
}

TEST(AugmentDrawParity, augment_restoration_crops) {
  RETINA_SKIP_WITHOUT(draw_fixture());
  const Json recorded = core::read_json(draw_fixture())["random_resized_crop_224x224"];
  const Recipe recipe = restoration_recipe();
  std::vector<double> heights, widths;
  int unchanged = 0;
  for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
    const Geometry g = draw_geometry(recipe, seed, {1, 224, 224}, std::nullopt);
    heights.push_back(static_cast<double>(g.crop.height));
    widths.push_back(static_cast<double>(g.crop.width));
    const Photometry p = draw_photometry(recipe, seed);
    unchanged += p.contrast == 1 && p.noise_sigma == 0 && p.blur_side == 1 && p.holes.empty();
  }
  expect_same_distribution(recorded["height"], heights, kFixtureDraws);
  expect_same_distribution(recorded["width"], widths, kFixtureDraws);
  expect_same_share(unchanged, 1.0 / 16, kStated, "unchanged");  // retina.md 2.2
}

TEST(AugmentDrawParity, augment_probabilities) {
  RETINA_SKIP_WITHOUT(draw_fixture());
  const Json recorded = core::read_json(draw_fixture());
  Recipe nonempty;
  nonempty.crop_nonempty = 1;
  const std::int64_t side = nonempty.size;
  const core::Vec3 foreground{0, 3, 2 * side};
  std::map<std::string, int> fired;
  for (std::uint64_t seed = 0; seed < kDraws; ++seed) {
    const Geometry g = draw_geometry({}, seed, {1, 224, 224}, std::nullopt);
    fired["HorizontalFlip"] += g.flip_x ? 1 : 0;
    fired["VerticalFlip"] += g.flip_y ? 1 : 0;
    fired["Rotate"] += g.angle != 0 ? 1 : 0;
    const Photometry p = draw_photometry(restoration_recipe(), seed);
    fired["CoarseDropout"] += p.holes.empty() ? 0 : 1;
    fired["RandomBrightnessContrast"] += p.contrast != 1 ? 1 : 0;
    fired["GaussNoise"] += p.noise_sigma > 0 ? 1 : 0;
    fired["GaussianBlur"] += p.blur_side > 1 ? 1 : 0;
    const Geometry small = draw_geometry({}, seed, {1, side - 10, side - 20}, std::nullopt);
    fired["PadIfNeeded"] += small.pad_top > 0 && small.pad_left > 0 ? 1 : 0;
    fired["RandomResizedCrop"] += g.crop.height < side || g.crop.width < side ? 1 : 0;
    const Crop near = draw_geometry(nonempty, seed, {1, 3 * side, 3 * side}, foreground).crop;
    fired["CropNonEmptyMaskIfExists"] +=
        near.y + near.height <= foreground[1] + side && near.x > foreground[2] - side ? 1 : 0;
  }
  for (const auto& [name, share] : recorded["probabilities_by_default"].items()) {
    ASSERT_TRUE(fired.contains(name)) << name;
    expect_same_share(fired[name], share, kStated, name);
  }
  const Json& grey = recorded["brightness_contrast"];
  expect_same_share(fired["RandomBrightnessContrast"], grey["p"], kStated, "brightness_contrast");
  EXPECT_TRUE(grey["brightness_by_max"].get<bool>()) << "the unit of `brightness`: full range";
}

}  // namespace
}  // namespace retina::augment
