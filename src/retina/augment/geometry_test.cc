#include "retina/augment/geometry.h"

#include <cmath>

#include <gtest/gtest.h>

#include "retina/core/rng.h"

namespace retina::augment {
namespace {

Recipe native_recipe(int size) {
  Recipe recipe;
  recipe.size = size;
  recipe.resized_crop = false;
  return recipe;
}

/// Greatest and smallest source coordinate over the output, before the clamp.
struct Reach {
  double low = 1e9, high = -1e9;
};

Reach reach_x(const Geometry& g, int size) {
  Reach reach;
  const auto& r = g.map.rotation;
  for (int y = 0; y < size; y += size - 1) {
    for (int x = 0; x < size; x += size - 1) {
      const double u = r[0] * x + r[1] * y + r[2];
      reach.low = std::min(reach.low, g.map.scale_x * u + g.map.offset_x);
      reach.high = std::max(reach.high, g.map.scale_x * u + g.map.offset_x);
    }
  }
  return reach;
}

TEST(Geometry, SameSeedGivesTheSameGeometry) {
  const Recipe recipe;
  const Geometry a = draw_geometry(recipe, 7, {1, 300, 500}, core::Vec3{0, 10, 20});
  const Geometry b = draw_geometry(recipe, 7, {1, 300, 500}, core::Vec3{0, 10, 20});
  EXPECT_EQ(a.crop, b.crop);
  EXPECT_EQ(a.angle, b.angle);
  EXPECT_EQ(a.box, b.box);
  EXPECT_NE(a.crop, draw_geometry(recipe, 8, {1, 300, 500}, core::Vec3{0, 10, 20}).crop);
}

TEST(Geometry, BoxLiesInThePlaneForAnyShapeAndRecipe) {
  for (const core::Vec3& shape :
       {core::Vec3{1, 300, 500}, {1, 50, 500}, {1, 20, 33}, {1, 1, 7}, {1, 64, 64}}) {
    for (const bool resized : {true, false}) {
      for (const Beyond beyond : {Beyond::crop, Beyond::image}) {
        Recipe recipe = native_recipe(64);
        recipe.resized_crop = resized;
        recipe.beyond = beyond;
        recipe.zoom = 1.5;
        for (std::uint64_t seed = 0; seed < 200; ++seed) {
          const Geometry g = draw_geometry(recipe, seed, shape, std::nullopt);
          ASSERT_TRUE(core::whole(shape).contains(g.box)) << core::to_string(g.box);
          ASSERT_FALSE(g.box.empty());
        }
      }
    }
  }
}

TEST(Geometry, BoxHoldsTheReflectionOfEveryWindowPixel) {
  Recipe recipe = native_recipe(64);
  recipe.beyond = Beyond::image;
  const core::Vec3 shape{1, 40, 90};
  for (std::uint64_t seed = 0; seed < 500; ++seed) {
    const Geometry g = draw_geometry(recipe, seed, shape, std::nullopt);
    for (std::int64_t x = g.window.x; x < g.window.x + g.window.width; ++x) {
      const std::int64_t inside = reflect_101(x, shape[2]) - g.box.start[2];
      ASSERT_TRUE(inside >= 0 && inside < g.box.shape[2]) << "seed " << seed << " x " << x;
    }
  }
}

TEST(Geometry, WindowCoversARotatedCropThatReadsTheImage) {
  Recipe recipe = native_recipe(64);
  recipe.beyond = Beyond::image;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const Geometry g = draw_geometry(recipe, seed, {1, 400, 400}, std::nullopt);
    const Reach reach = reach_x(g, 64);
    EXPECT_GE(reach.low, -1e-6);
    EXPECT_LE(reach.high, g.map.high_x + 1e-6);
  }
}

TEST(Geometry, CropNonemptyHoldsTheForegroundPixel) {
  Recipe recipe = native_recipe(32);
  recipe.crop_nonempty = 1;
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    const core::Vec3 pixel{0, static_cast<std::int64_t>(seed % 100), 199};
    const Crop crop = draw_geometry(recipe, seed, {1, 100, 200}, pixel).crop;
    EXPECT_TRUE(crop.y <= pixel[1] && pixel[1] < crop.y + 32);
    EXPECT_EQ(crop.x, 200 - 32);
  }
}

TEST(Geometry, CropNonemptyOccursWithItsProbability) {
  Recipe recipe = native_recipe(10);
  recipe.crop_nonempty = 0.8;
  int holds = 0;
  for (std::uint64_t seed = 0; seed < 20000; ++seed) {
    const Crop crop = draw_geometry(recipe, seed, {1, 2000, 2000}, core::Vec3{0, 1000, 1000}).crop;
    holds += crop.y <= 1000 && 1000 < crop.y + 10 && crop.x <= 1000 && 1000 < crop.x + 10 ? 1 : 0;
  }
  // a crop anywhere holds the pixel by chance in 0.002 %; 5 standard deviations: one false alarm
  // in 1.7 million
  EXPECT_NEAR(holds / 20000.0, 0.8, 5 * std::sqrt(0.8 * 0.2 / 20000));
}

TEST(Geometry, NativeCropsOfPartlyKnownPlanesHoldAKnownPixel) {
  Recipe recipe = native_recipe(10);
  recipe.crop_nonempty = 0.5;
  const core::Vec3 foreground{0, 1000, 1000};
  const core::Vec3 known{0, 500, 300};
  const auto holds = [](const Crop& crop, const core::Vec3& pixel) {
    return crop.y <= pixel[1] && pixel[1] < crop.y + 10 && crop.x <= pixel[2] &&
           pixel[2] < crop.x + 10;
  };
  int around_known = 0;
  for (std::uint64_t seed = 0; seed < 2000; ++seed) {
    const Crop crop = draw_geometry(recipe, seed, {1, 2000, 2000}, foreground, known).crop;
    ASSERT_NE(holds(crop, foreground), holds(crop, known));
    around_known += holds(crop, known) ? 1 : 0;
    EXPECT_TRUE(
        holds(draw_geometry(recipe, seed, {1, 2000, 2000}, std::nullopt, known).crop, known));
  }
  EXPECT_NEAR(around_known / 2000.0, 0.5, 5 * std::sqrt(0.25 / 2000));
}

TEST(Geometry, QuarterTurnsAreExact) {
  Recipe recipe = native_recipe(16);
  recipe.rotate_probability = 0;
  recipe.quarter_turn_probability = 1;
  recipe.flip_probability = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Geometry g = draw_geometry(recipe, seed, {1, 40, 40}, std::nullopt);
    EXPECT_EQ(g.map.fold_x, 0);
    for (const double r : g.map.rotation) {
      EXPECT_EQ(r, std::nearbyint(r));
    }
  }
}

TEST(Geometry, RotationFirstTakesPatchesOfAnySize) {
  const Recipe recipe = restoration_recipe();
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    core::Rng rng(seed);
    const core::Vec3 plane{1, rng.integer(112, 400), rng.integer(112, 400)};
    const Geometry g = draw_geometry(recipe, seed, plane, std::nullopt);
    EXPECT_TRUE(core::whole(plane).contains(g.box));
    EXPECT_EQ(g.box.shape[1], std::min<std::int64_t>(plane[1], 224));
    EXPECT_EQ(g.box.shape[2], std::min<std::int64_t>(plane[2], 224));
    EXPECT_LE(g.crop.y + g.crop.height, g.box.shape[1]);
    EXPECT_LE(g.crop.x + g.crop.width, g.box.shape[2]);
    EXPECT_EQ(g.pad_top, 0);
    EXPECT_LE(std::abs(g.angle), 90);
  }
}

TEST(Geometry, RotationFirstWithoutATurnIsFlipAndCrop) {
  Recipe recipe = restoration_recipe();
  recipe.size = 64;
  Geometry g;
  g.plane_shape = {1, 100, 120};
  g.patch = {.y = 10, .x = 20, .height = 64, .width = 80};
  g.crop = {.y = 0, .x = 5, .height = 64, .width = 64};
  g.flip_x = true;
  compose(g, recipe);
  EXPECT_EQ(g.map.rotation, (std::array<double, 6>{-1, 0, 74, 0, 1, 0}));
  EXPECT_EQ(g.map.fold_x, 0);
}

TEST(Geometry, OnlyLongTurnedPatchesReflectRepeatedly) {
  Recipe recipe = restoration_recipe();
  recipe.size = 64;
  Geometry g;
  g.plane_shape = {1, 30, 224};
  g.patch = g.crop = {.y = 0, .x = 0, .height = 30, .width = 224};
  compose(g, recipe);
  EXPECT_FALSE(reflects_repeatedly(g.map, recipe.size));
  g.angle = 60;
  compose(g, recipe);
  EXPECT_TRUE(reflects_repeatedly(g.map, recipe.size));
  for (std::uint64_t seed = 0; seed < 200; ++seed) {  // the fast way of nearly all training
    const core::Vec3 plane{1, 224, 224};
    for (const Recipe& square : {recipe, native_recipe(64)}) {
      const Geometry drawn = draw_geometry(square, seed, plane, std::nullopt);
      EXPECT_FALSE(reflects_repeatedly(drawn.map, 64)) << seed;
    }
  }
}

TEST(Geometry, ReflectionDoesNotRepeatTheEdge) {
  EXPECT_EQ(reflect_101(-1, 5), 1);
  EXPECT_EQ(reflect_101(5, 5), 3);
  EXPECT_EQ(reflect_101(-9, 5), 1);
  EXPECT_EQ(reflect_101(3, 1), 0);
}

}  // namespace
}  // namespace retina::augment
