#include <gtest/gtest.h>

#include "retina/cli/yaml.h"
#include "retina/core/error.h"
#include "retina/pipeline/pretrain/pretrain.h"
#include "retina/pipeline/pretrain/pretrain_options.h"
#include "retina/testing/source_dir.h"

namespace retina::cli {
namespace {

#if RETINA_WITH_IO
pipeline::PretrainOptions options_of(Json given) {
  given["images"] = {"patches"};
  given["output"] = "run";
  return core::options_from_json<pipeline::PretrainOptions>(
      pipeline::resolve_pretrain(given, core::silent_context()));
}

/// retina.md 2: the file states all of it, and the defaults are the same.
TEST(PretrainCommand, RetinaYamlIsThePublishedProcedure) {
  const Json given = read_config(testing::source_dir() / "configs/pretrain/retina.yaml");
  const Json expected{{"application", "published"},
                      {"order", "rotate_first"},
                      {"flip_probability", 0.5},
                      {"rotate_probability", 0.5},
                      {"rotate_limit", 90},
                      {"scale_min", 0.08},
                      {"scale_max", 1.0},
                      {"ratio_min", 0.5},
                      {"ratio_max", 1.5},
                      {"brightness_contrast_probability", 0.5},
                      {"brightness", 0.3},
                      {"contrast", 0.3},
                      {"noise_probability", 0.5},
                      {"noise_variance_min", 400},
                      {"noise_variance_max", 1200},
                      {"blur_probability", 0.5},
                      {"blur_limit", 7},
                      {"dropout_probability", 0.5},
                      {"dropout_holes", 32},
                      {"dropout_side", 16}};
  for (const auto& [key, value] : expected.items()) {
    EXPECT_EQ(given.at("augment").at(key), value) << key;
  }
  EXPECT_EQ(given.at("normalisation"), (Json{{"mean", 0.57287007}, {"std", 0.12740536}}));
  EXPECT_EQ(given.at("precision"), "fp32");
  EXPECT_EQ(given.at("shuffle"), "same_each_epoch");

  Json of_file = core::options_to_json(options_of(given));
  Json defaults = core::options_to_json(options_of(Json::object()));
  EXPECT_EQ(of_file.at("keep"), "all");  // as published; by default a run fills no disk
  of_file.erase("keep");
  defaults.erase("keep");
  EXPECT_EQ(of_file, defaults);
}
#endif

}  // namespace
}  // namespace retina::cli
