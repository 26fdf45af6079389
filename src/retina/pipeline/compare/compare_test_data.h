#pragma once

#include <filesystem>
#include <utility>

#include "retina/core/json.h"
#include "retina/pipeline/finetune/finetune_test_data.h"

namespace retina::pipeline {

/// A grid of 1 dataset x 2 amounts of labels x 1 seed x 2 initialisations, whose runs take two
/// steps, with its data in `folder` and its output in folder/out.
inline Json toy_grid(const std::filesystem::path& folder) {
  Json config = toy_run(folder);
  config.erase("device");
  config.erase("threads");
  const Json random{{"name", "random"}};
  const Json pretrained{
      {"name", "pretrained"}, {"model", write_pretrained(folder)}, {"transfer", "transformer"}};
  const Json dataset{{"name", "toy"}, {"config", std::move(config)}};
  return {{"output", (folder / "out").string()},
          {"datasets", Json::array({dataset})},
          {"inits", Json::array({random, pretrained})},
          {"seeds", {7}},
          {"labels", {1, "all"}},
          {"checkpoints", {1}},
          {"finetune", {{"steps", 2}}},
          {"device", "cpu"},
          {"threads", 1}};
}

}  // namespace retina::pipeline
