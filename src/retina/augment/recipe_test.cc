#include "retina/augment/recipe.h"

#include <gtest/gtest.h>

namespace retina::augment {
namespace {

TEST(Recipe, PublishedDefaultsAreValid) {
  EXPECT_TRUE(Recipe{}.validate().empty());
}

TEST(Recipe, AllProblemsAreReportedAtOnce) {
  Recipe recipe;
  recipe.size = 0;
  recipe.blur_limit = 4;
  recipe.scale_min = 0.9;
  recipe.scale_max = 0.1;
  EXPECT_EQ(recipe.validate().size(), 3U);
}

TEST(Recipe, ReadingTheImageBeyondTheCropNeedsTheComposedResample) {
  Recipe recipe;
  recipe.beyond = Beyond::image;
  EXPECT_TRUE(recipe.validate().empty());
  recipe.application = Application::published;
  EXPECT_EQ(recipe.validate().size(), 1U);
}

TEST(Recipe, APatchHasMoreThanOnePixel) {
  Recipe recipe = restoration_recipe();
  for (const int patch : {0, 2, 224}) {
    recipe.patch = patch;
    EXPECT_TRUE(recipe.validate().empty()) << patch;
  }
  for (const int patch : {-1, 1}) {
    recipe.patch = patch;
    const std::vector<Problem> problems = recipe.validate();
    ASSERT_EQ(problems.size(), 1U) << patch;
    EXPECT_EQ(problems[0].subject, "patch");
  }
}

TEST(Recipe, EveryFieldPassesThroughJson) {
  Recipe recipe;
  recipe.zoom = 1.25;
  recipe.beyond = Beyond::image;
  const Recipe read = core::options_from_json<Recipe>(core::options_to_json(recipe));
  EXPECT_EQ(core::options_to_json(read), core::options_to_json(recipe));
}

}  // namespace
}  // namespace retina::augment
