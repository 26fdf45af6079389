#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "retina/cli/commands.h"
#include "retina/cli/parse.h"
#include "retina/cli/yaml.h"
#include "retina/pipeline/finetune/finetune_options.h"
#include "retina/pipeline/prepare/prepare_config.h"
#include "retina/pipeline/pretrain/pretrain.h"
#include "retina/pipeline/pretrain/pretrain_options.h"
#include "retina/pipeline/run/run_config.h"
#include "retina/testing/temp_folder.h"

namespace retina::cli {
namespace {

#if RETINA_WITH_IO
TEST(PrepareCommand, TheConfigurationsAreYamlThatTheVerbsTake) {
  const testing::TempFolder folder;
  const core::Context context = core::silent_context();
  for (const pipeline::DatasetRecipe& recipe : pipeline::dataset_recipes()) {
    SCOPED_TRACE(recipe.name);
    const auto file = folder / pipeline::prepared_config_name(recipe);
    std::ofstream(file) << pipeline::prepared_yaml(recipe, folder / "with space: and colon",
                                                   pipeline::UnknownVoxels::ignore);
    Json given = read_config(file);
    given["output"] = "run";
    if (recipe.is_unlabelled) {
      EXPECT_NO_THROW(core::options_from_json<pipeline::PretrainOptions>(
          pipeline::resolve_pretrain(given, context)));
      continue;
    }
    const auto options = core::options_from_json<pipeline::FinetuneOptions>(
        pipeline::resolve_finetune(given, context));
    EXPECT_EQ(options.data.path, (folder / "with space: and colon/train").string());
    EXPECT_EQ(options.classes, recipe.training.classes);
  }
}
#endif

TEST(PrepareCommand, TakesTheNameThenTheDownloads) {
  const std::vector<Command> commands{prepare_command()};
  const auto parsed = parse(commands, {"prepare", "cremi", "a.hdf", "b.hdf", "-o", "out"});
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->configuration.at("dataset"), "cremi");
  EXPECT_EQ(parsed->configuration.at("downloads"), (Json{"a.hdf", "b.hdf"}));
  EXPECT_EQ(parsed->configuration.at("output"), "out");
}

}  // namespace
}  // namespace retina::cli
