#include "retina/pipeline/run/preset_recipe.h"

#include <string>

#include <gtest/gtest.h>

#include "retina/core/options.h"
#include "retina/net/network.h"
#include "retina/pipeline/finetune/finetune_options.h"

namespace retina::pipeline {
namespace {

TEST(PresetRecipe, EveryPresetBindsAndIsValid) {
  for (const std::string& preset : net::preset_names()) {
    for (const int classes : {1, 4}) {
      Json config = preset_recipe(preset, classes == 1 ? 1 : classes + 1);
      config["preset"] = preset;
      config["output"] = "run";
      config["images"] = "i";
      config["masks"] = "m";
      config["classes"] = Json::array();
      for (int id = 1; id <= classes; ++id) {
        config["classes"].push_back("class " + std::to_string(id));
      }
      EXPECT_NO_THROW(core::options_from_json<FinetuneOptions>(config)) << preset;
    }
  }
}

TEST(PresetRecipe, RetinaTrainsAsPublished) {
  const auto options = core::options_from_json<FinetuneOptions>(
      {{"output", "run"}, {"images", "i"}, {"masks", "m"}});
  EXPECT_EQ(options.optimizer.kind, trainer::OptimizerKind::sgd);
  EXPECT_EQ(options.optimizer.learning_rate, 0.003);
  EXPECT_EQ(options.batch, 16);
  EXPECT_TRUE(options.augment.resized_crop);
}

}  // namespace
}  // namespace retina::pipeline
