#include "retina/pipeline/prepare/prepare_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/own_yaml.h"
#include "retina/pipeline/pretrain/pretrain.h"
#include "retina/pipeline/pretrain/pretrain_options.h"
#include "retina/pipeline/run/run_config.h"

namespace retina::pipeline {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

FinetuneOptions training_of(const std::string& name,
                            UnknownVoxels unknown = UnknownVoxels::published) {
  Json given = parse_own_yaml(prepared_yaml(find_recipe(name), "/sets/x", unknown), name);
  given["output"] = "run";
  const core::Context context = core::silent_context();
  return core::options_from_json<FinetuneOptions>(resolve_finetune(given, context));
}

TEST(PrepareConfig, EveryConfigurationBindsToTheVerb) {
  for (const DatasetRecipe& recipe : dataset_recipes()) {
    SCOPED_TRACE(recipe.name);
    if (!recipe.is_unlabelled) {
      const FinetuneOptions options = training_of(recipe.name);
      EXPECT_EQ(options.data.path, "/sets/x/train");
      EXPECT_EQ(options.classes, recipe.training.classes);
      EXPECT_EQ(options.steps, recipe.training.steps);
      EXPECT_EQ(options.normalisation.mean, recipe.training.mean);
      EXPECT_EQ(options.network.window, 224);
    }
  }
}

TEST(PrepareConfig, HasThePublishedSettings) {
  const FinetuneOptions guay = training_of("guay");
  EXPECT_THAT(guay.loss.class_weights, ElementsAre(0.1, 0.1, 1, 1, 0.1, 3, 3));
  EXPECT_EQ(guay.augment.noise_probability, 0.5);
  EXPECT_EQ(guay.augment.crop_nonempty, 0);
  EXPECT_EQ(guay.validation.data.path, "/sets/x/validation");
  EXPECT_EQ(guay.channels(), 7);
  const FinetuneOptions cremi = training_of("cremi");
  EXPECT_EQ(cremi.augment.crop_nonempty, 0.8);
  EXPECT_EQ(cremi.log_every, 100);
  EXPECT_THAT(cremi.data.voxel_size_nm, ElementsAre(40, 4, 4));
  EXPECT_FALSE(cremi.validates());
  EXPECT_EQ(training_of("kasthuri").seed, 92U);
}

TEST(PrepareConfig, UnknownVoxelsAreIgnoredWhereTheDataSetMarksSome) {
  EXPECT_EQ(training_of("cremi").data.ignore_value, std::nullopt);
  EXPECT_EQ(training_of("cremi", UnknownVoxels::ignore).data.ignore_value, 255);
  EXPECT_EQ(training_of("kasthuri", UnknownVoxels::ignore).data.ignore_value, 255);
  EXPECT_EQ(training_of("urocell", UnknownVoxels::ignore).data.ignore_value, std::nullopt);
}

TEST(PrepareConfig, UnlabelledPatchesAreForPretraining) {
  const DatasetRecipe& recipe = find_recipe("cem500k");
  EXPECT_EQ(prepared_config_name(recipe), "pretrain.yaml");
  const std::string yaml = prepared_yaml(recipe, "/sets/x", UnknownVoxels::published);
  EXPECT_THAT(yaml, HasSubstr("EMPIAR-10592"));
  Json given = parse_own_yaml(yaml, "x");
  given["output"] = "run";
  const Json config = resolve_pretrain(given, core::silent_context());
  EXPECT_THAT(core::options_from_json<PretrainOptions>(config).images,
              ElementsAre("/sets/x/patches.pack"));
}

TEST(PrepareConfig, AnUnknownDataSetIsNamedWithTheOthers) {
  try {
    find_recipe("cremy");
    FAIL() << "no error was thrown";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::usage);
    EXPECT_THAT(error.what(), HasSubstr("'cremy'; did you mean 'cremi'?"));
  }
}

}  // namespace
}  // namespace retina::pipeline
