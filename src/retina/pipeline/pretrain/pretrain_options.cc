#include "retina/pipeline/pretrain/pretrain_options.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "retina/core/problem_list.h"
#include "retina/pipeline/models/initial_weights.h"
#include "retina/pipeline/run/preset_recipe.h"
#include "retina/pipeline/run/run_config.h"
#include "retina/store/location.h"
#include "retina/store/pack/pack.h"

namespace retina::pipeline {

std::vector<Problem> PretrainOptions::validate() const {
  ProblemList problems;
  problems.require(!images.empty() || !data.empty(), "images", "none", "something to train on",
                   "give --images FOLDER");
  problems.require(network.tail == net::TransUNetTail::reconstruction, "network.tail",
                   core::enum_name(network.tail), "reconstruction");
  problems.require(network.in_channels == 1, "network.in_channels",
                   std::to_string(network.in_channels), "1: images have one channel");
  problems.require(augment.size == network.window, "augment.size", std::to_string(augment.size),
                   fmt::format("the network's window, {}", network.window));
  problems.require(augment.crop_nonempty == 0, "augment.crop_nonempty",
                   fmt::format("{}", augment.crop_nonempty), "0: there are no labels");
  problems.require(steps > 0 || epochs > 0 || max_seconds > 0, "epochs",
                   "0 without steps and max_seconds", "one of them");
  for (const auto& [option, value] :
       {std::pair{"ghost_batch", ghost_batch}, std::pair{"epochs", epochs},
        std::pair{"max_epochs", max_epochs}, std::pair{"checkpoint_epochs", checkpoint_epochs},
        std::pair{"pictures_every", pictures_every}, std::pair{"collapse_after", collapse_after}}) {
    problems.at_least(option, static_cast<double>(value), 0);
  }
  problems.at_least("pictures", static_cast<double>(pictures), 1);
  problems.at_least("checkpoint_minutes", checkpoint_minutes, 0);
  check(problems);
  for (const data::DataOptions& source : data) {
    problems.add(source.validate());
  }
  problems.add(network.validate());
  problems.add(augment.validate());
  problems.add(normalisation.validate());
  return problems.take();
}

std::vector<data::DataOptions> PretrainOptions::sources() const {
  std::vector<data::DataOptions> all = images.empty() ? data : std::vector<data::DataOptions>{};
  for (const std::string& place : images) {
    data::DataOptions source;
    (store::is_pack(store::parse_location(place)) ? source.path : source.images) = place;
    source.axes = axes;
    all.push_back(std::move(source));
  }
  for (data::DataOptions& source : all) {
    source.masks.clear();
    source.labels.clear();
  }
  return all;
}

Json resolve_pretrain(const Json& asked, const core::Context& context) {
  const Json given = without_version(asked, "configuration");
  if (given.value("resume", Json(false)) == Json(true)) {
    return resumed_config(given, completed<PretrainOptions>, context);
  }
  require_tables(given, {"network", "augment"});
  PretrainOptions start;
  for (const auto& [key, text] :
       {std::pair{"preset", &start.preset}, std::pair{"init", &start.init}}) {
    if (given.contains(key)) {
      core::from_json_value(*text, given[key], key);
    }
  }
  std::optional<InitialWeights> weights;
  if (!start.init.empty()) {
    weights = read_initial_weights(start.init);
    start.preset = preset_after(*weights, given);
  }
  Json recipe = pretraining_recipe(start.preset);
  recipe["preset"] = start.preset;
  if (weights) {
    recipe["network"] = fitted_network(*weights, recipe["network"], given, context);
  }
  const Json limit = given.value("max_seconds", Json(0));
  if (recipe.contains("epochs") && limit.is_number() && limit.get<double>() > 0 &&
      !given.contains("steps")) {
    recipe["epochs"] = 0;  // of our own presets: time alone decides
  }
  Json config = core::merge(std::move(recipe), given);
  Json& augment = config["augment"];
  for (const char* key : {"size", "patch"}) {
    if (!augment.contains(key)) {
      augment[key] = config["network"]["window"];
    }
  }
  return config;
}

}  // namespace retina::pipeline
